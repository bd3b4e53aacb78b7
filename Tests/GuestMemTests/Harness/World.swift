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
  /// Added to every page number.
  var base: UInt64 = 0

  /// `frameCount` frames for tables, behind as many that stay free of them.
  init(levels: Level, frameCount: UInt64, reservedFrameCount: UInt64 = 0) throws {
    let byteCount = (reservedFrameCount + frameCount) * 4096
    let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: byteCount)
    if reservedFrameCount > 0 { try allocator.reserve(0..<reservedFrameCount * 4096) }
    let table = try ConfiguredPageTable<Configuration>(
      configuration: testPaging(levels: levels), rootLevel: levels, memory: memory.view,
      allocator: &allocator)
    model = Model(
      indexBits: Configuration.indexBitCount, highestLeafLevel: table.tables.highestLeafLevel)
    self.memory = memory
    self.allocator = allocator
    self.table = table
  }

  var image: MemoryImage {
    MemoryImage(
      root: table.root.address, rootLevel: table.tables.rootLevel,
      indexBits: Configuration.indexBitCount, format: Configuration.entryFormat,
      memory: memory.view)
  }

  func address(_ page: UInt64) -> LinearAddress {
    LinearAddress(truncating: table.tables.address((base + page) << 12), width: .bits57)
  }

  func range(_ page: UInt64, _ count: UInt64) -> Range<UInt64> {
    (base + page) << 12..<(base + page + count) << 12
  }

  var violations: [ContractViolation] {
    table.contractViolations(allocator: allocator, context: ContractContext())
  }
}
