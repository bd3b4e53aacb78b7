// World: memory, a page table and the model of it; every operation is checked from all sides.

import MMU
import Testing

@testable import GuestMem

/// A page table under test with its model.
struct World<Configuration: PageTableConfiguration>: ~Copyable {
  let memory: GuestMemory
  var allocator: FrameAllocator
  var table: ConfiguredPageTable<Configuration>
  var model: Model
  /// What a cursor or guard violated between its operations.
  var fault: String?
  /// What was seen of locks, when the configuration records them.
  var locks: WorldLocks<Configuration>?
  /// Splits and collapses are made in the strict order, in which the entry is absent for a moment.
  var usesStrictOrder = false
  /// Added to every page number.
  var base: UInt64 = 0
  /// The number of frames, from the first on, that pages own that are put in one by one; or 0.
  ///
  /// The world is one more owner of each, so that they never become free.
  let pageFrameCount: UInt64

  /// `frameCount` frames for tables, behind `reservedFrameCount` that stay free of them, behind
  /// `pageFrameCount`, a power of 2, for pages that own them.
  init(
    levels: Level, frameCount: UInt64, reservedFrameCount: UInt64 = 0, pageFrameCount: UInt64 = 0
  ) throws {
    let byteCount = (pageFrameCount + reservedFrameCount + frameCount) * 4096
    let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: byteCount)
    if pageFrameCount > 0 {
      _ = try allocator.allocateRun(frameCount: pageFrameCount).intoRaw()
    }
    if reservedFrameCount > 0 {
      try allocator.reserve(
        pageFrameCount * 4096..<(pageFrameCount + reservedFrameCount) * 4096)
    }
    let table = try ConfiguredPageTable<Configuration>(
      configuration: testPaging(levels: levels), rootLevel: levels, memory: memory.view,
      allocator: &allocator)
    model = Model(
      indexBits: Configuration.indexBitCount, highestLeafLevel: table.tables.highestLeafLevel)
    self.pageFrameCount = pageFrameCount
    self.memory = memory
    self.allocator = allocator
    self.table = table
    locks = Configuration.self is any RecordsLocks.Type ? WorldLocks() : nil
  }

  var image: MemoryImage {
    MemoryImage(
      root: table.root.address, rootLevel: table.tables.rootLevel,
      indexBits: Configuration.indexBitCount, format: Configuration.entryFormat,
      ownership: Configuration.leafOwnership, memory: memory.view)
  }

  func address(_ page: UInt64) -> LinearAddress {
    LinearAddress(truncating: table.tables.address((base + page) << 12), width: .bits57)
  }

  func range(_ page: UInt64, _ count: UInt64) -> Range<UInt64> {
    (base + page) << 12..<(base + page + count) << 12
  }

  /// A page that is put in alone: one that owns its frames where the world has some for it.
  func item(
    _ target: UInt64, _ level: Level, _ properties: PageProperties
  ) -> PageItem<Configuration> {
    if pageFrameCount > 0,
      let handle = try? FrameHandle(
        sharing: target, frameCount: model.span(UInt64(level.rawValue)) >> 12,
        metadata: allocator.metadata),
      let item = try? PageItem<Configuration>(tracked: handle, properties: properties)
    {
      return item
    }
    return PageItem(untracked: physical(target << 12), level: level, properties: properties)
  }

  /// The same page in the model, at a position.
  func modelItem(
    _ start: UInt64, _ level: UInt64, _ target: UInt64, _ properties: PageProperties
  ) -> ModelLeaf {
    ModelLeaf(
      start: start, level: level, physical: target << 12, properties: properties,
      isTracked: pageFrameCount > 0)
  }

  var violations: [ContractViolation] {
    let handles = Dictionary(uniqueKeysWithValues: (0..<pageFrameCount).map { ($0, UInt64(1)) })
    return table.contractViolations(
      allocator: allocator, context: ContractContext(handles: handles))
  }
}
