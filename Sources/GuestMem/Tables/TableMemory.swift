// TableMemory: guest memory as a place where tables stand, and how their entries are read.

public import MMU

/// Where tables stand, what is known about their frames, and how a processor reads them.
///
/// It keeps the memory and the metadata there and owns no table.
@frozen public struct TableMemory<Configuration: PageTableConfiguration>: TableRules, Sendable {
  /// The guest memory.
  public let memory: MemoryView
  /// What is known about its frames.
  public let metadata: FrameMetadataView
  /// How the processor reads the tables.
  public let paging: PagingConfiguration
  /// The level of roots: the processor's, or fewer in formats that only tests walk.
  public let rootTableLevel: Level
  /// Whether a processor may be walking the tables.
  public var liveness: TableLiveness
  /// The number of the lowest linear address of the upper half, as a position.
  @usableFromInline let half: UInt64
  /// Bits that an aligned linear address does not have once `half` was added to it.
  @usableFromInline let forbiddenLinearBits: UInt64
  /// Bits that the physical address of a 4 KiB page does not have.
  @usableFromInline let forbiddenPhysicalBits: UInt64
  /// P, and bits that an entry does not have when it links a table in the part of memory that has
  /// metadata, up to a power of 2: one comparison tells all, and other entries are looked at more
  /// closely.
  @usableFromInline let nearLinkMask: UInt64
  /// The same with R/W.
  @usableFromInline let nearWritableLinkMask: UInt64
  /// The address bits of tables in that part.
  @usableFromInline let nearAddressMask: UInt64
  /// The identity of the metadata for tables with 4 levels, and 0 for others: one comparison with
  /// the allocator's tells both.
  @usableFromInline let level4Metadata: UInt
  /// The same, and 0 where leaves cannot have XD.
  @usableFromInline let level4MetadataForNoExecute: UInt

  /// Takes the parts; the metadata must be that of the memory.
  @inlinable
  package init(
    memory: MemoryView, metadata: FrameMetadataView, paging: PagingConfiguration,
    rootTableLevel: Level, liveness: TableLiveness = .live
  ) {
    self.memory = memory
    self.metadata = metadata
    self.paging = paging
    self.rootTableLevel = rootTableLevel
    self.liveness = liveness
    let width = 12 &+ Configuration.indexBitCount &* UInt64(rootTableLevel.rawValue)
    half = 1 &<< (width &- 1)
    forbiddenLinearBits = ~0 &<< width | 4095
    forbiddenPhysicalBits = ~0 &<< UInt64(paging.physicalAddressWidth) | 4095
    let frameCount = min(memory.byteCount &>> 12, metadata.frameCount)
    let near: UInt64 = frameCount == 0 ? 0 : 1 &<< UInt64(63 &- frameCount.leadingZeroBitCount)
    let far = frameCount == 0 ? ~0 : 0 &- near &<< 12
    nearLinkMask = EntryBits.present | EntryBits.pageSize | far
    nearWritableLinkMask = nearLinkMask | EntryBits.writable
    nearAddressMask = ~far & ~4095
    level4Metadata = rootTableLevel == .pageMapLevel4 ? metadata.identity : 0
    level4MetadataForNoExecute = paging.isNoExecuteEnabled ? level4Metadata : 0
  }

  /// Throws unless `allocator` is that of this memory and has `needed` free frames.
  @inlinable
  func check(_ allocator: inout FrameAllocator, has needed: UInt64) throws(PageTableError) {
    guard allocator.metadata.isSame(as: metadata) else { throw .foreignAllocator }
    if allocator.freeFrames < needed { allocator.collectReturned() }
    guard allocator.freeFrames >= needed else {
      throw .outOfFrames(needed: needed, available: allocator.freeFrames)
    }
  }

  /// Takes a frame for a table at `level` with `presentCount` present entries.
  ///
  /// The entries outside `used` are absent. Those in `used` may hold anything: the caller fills
  /// them before the table is linked.
  @inlinable @inline(__always)
  func newTable(
    level: UInt64, used: Range<Int>, allocator: inout FrameAllocator
  ) -> TableFrame? {
    guard let (frame, content) = allocator.takeNodeFrame() else { return nil }
    // A frame without metadata is not one of this memory: nothing is stored for it anywhere.
    guard frame < allocator.metadata.frameCount else { return nil }
    let table = TableFrame(validated: frame &<< 12)
    if content == .unknown {
      memory.clearUnlinked(table, 0..<used.lowerBound)
      memory.clearUnlinked(table, used.upperBound..<512)
    }
    allocator.metadata.setNearNode(
      NodeState(levelNumber: level, presentCount: used.count), ownership: .shared(1), of: table)
    return table
  }

  /// The table that `entry`, found at `level`, leads to.
  ///
  /// - Throws: ``PageTableError/invalidEntry(linearAddress:level:entry:)`` when no table of the
  ///   next level stands there, ``PageTableError/busy(linearAddress:level:holder:)`` when its lock
  ///   is held.
  @inlinable
  func child(
    of entry: UInt64, level: UInt64, position: UInt64
  ) throws(PageTableError) -> TableFrame {
    guard let child = memory.table(linkedBy: entry) else { throw invalid(entry, position, level) }
    let state = metadata.nodeState(of: child.frame)
    guard state.isNode(ofLevelNumber: level &- 1) else {
      throw invalid(entry, position, level)
    }
    guard !state.isLocked else {
      throw busy(child, level: level &- 1, position: position)
    }
    return child
  }

  @inlinable
  package func invalid(_ entry: UInt64, _ position: UInt64, _ level: UInt64) -> PageTableError {
    .invalidEntry(linearAddress: address(position), level: levelNumbered(level), entry: entry)
  }

  /// Adds to the number of present entries of a table.
  @inlinable
  func addPresent(_ count: Int, to table: TableFrame) {
    guard count != 0 else { return }
    changeState(of: table) { $0.presentCount = max(0, $0.presentCount &+ count) }
  }

  /// Makes an entry absent and returns what stood there.
  @inlinable @discardableResult
  func take(_ table: TableFrame, _ index: Int) -> UInt64 {
    if liveness == .live { return memory.exchangeEntry(table, index, 0) }
    let entry = memory.entry(table, index)
    memory.setEntry(table, index, 0)
    return entry
  }
}

/// The level with that number; numbers that are no level never get here.
@inlinable @inline(__always) package func levelNumbered(_ number: UInt64) -> Level {
  switch number {
  case 2: .pageDirectory
  case 3: .pageDirectoryPointerTable
  case 4: .pageMapLevel4
  case 5: .pageMapLevel5
  default: .pageTable
  }
}
