// PageTable, sharing: a kernel's half that all user roots have.

public import MMU

extension ConfiguredPageTable {
  /// A kernel's table: every root entry it owns links an empty table from the beginning, and for
  /// ever, so that user roots can have copies of the entries.
  ///
  /// The entries are user entries, because no copy could be changed later; leaves decide.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then. It is ``PageTableError/unlikeKernel``
  ///   when a configuration was declared that is no kernel's.
  @inlinable
  public init(
    anchoring configuration: PagingConfiguration, memory: MemoryView,
    allocator: inout FrameAllocator
  ) throws(PageTableError) where Configuration: KernelTableConfiguration {
    guard Configuration.keepsUpperHalf else { throw .unlikeKernel }
    let needed = UInt64(Configuration.entryCount / 2) &+ 1
    guard allocator.byteCount <= memory.byteCount else { throw .foreignAllocator }
    if allocator.freeFrames < needed { allocator.collectReturned() }
    guard allocator.freeFrames >= needed else {
      throw .outOfFrames(needed: needed, available: allocator.freeFrames)
    }
    let empty = try ConfiguredPageTable(
      configuration: configuration, memory: memory, allocator: &allocator)
    let tables = empty.tables
    let root = empty.root
    for index in tables.ownedIndices(tables.rootLevel) {
      guard
        let table = tables.newTable(
          level: tables.rootLevel &- 1, used: 0..<0, allocator: &allocator)
      else { throw .outOfFrames(needed: 1, available: allocator.freeFrames) }
      memory.setEntry(root, index, table.address | EntryBits.userLink)
      tables.addPresent(1, to: root)
    }
    self.init(tables: tables, root: root)
  }

  /// A user's table whose other half is the kernel's: copies of its root entries, without owners.
  ///
  /// The kernel's table must outlive this one.
  ///
  /// - Throws: ``PageTableError/foreignAllocator`` when the kernel's table is in other memory,
  ///   ``PageTableError/unlikeKernel`` when configurations were declared that do not fit,
  ///   ``PageTableError/outOfFrames(needed:available:)``,
  ///   ``PageTableError/invalidEntry(linearAddress:level:entry:)`` when a root entry of the kernel
  ///   links no table.
  @inlinable
  public init(
    sharing kernel: borrowing ConfiguredPageTable<Configuration.Kernel>,
    allocator: inout FrameAllocator
  ) throws(PageTableError) where Configuration: UserTableConfiguration {
    guard Configuration.isLikeKernel else { throw .unlikeKernel }
    let shared = kernel.tables
    guard allocator.metadata.isSame(as: shared.metadata) else { throw .foreignAllocator }
    let indices = shared.ownedIndices(shared.rootLevel)
    for index in indices {
      let entry = shared.memory.entry(kernel.root, index)
      guard
        case .table = EntryClass(
          entry, level: shared.rootLevel, in: Configuration.Kernel.entryFormat)
      else {
        throw shared.invalid(
          entry, UInt64(index) &<< Configuration.shift(shared.rootLevel), shared.rootLevel)
      }
    }
    let empty = try ConfiguredPageTable(
      configuration: shared.paging, memory: shared.memory, allocator: &allocator)
    let tables = empty.tables
    let root = empty.root
    for index in indices {
      tables.memory.setEntry(
        root, index, shared.memory.entry(kernel.root, index) & ~EntryBits.accessed)
    }
    self.init(tables: tables, root: root)
  }
}
