// Scattered: pages all over the linear space, whose tables need far more memory than they map.

import CLimits
public import GuestMem
public import MMU

/// Fresh memory that is all zero, and pages at random addresses in 47 bits.
public struct ScatteredStage: ~Copyable {
  /// Room for all tables.
  public let memory: GuestMemory
  /// Gives out the frames, lowest first.
  public var allocator: FrameAllocator
  /// The table under test.
  public var table: PageTable
  /// Where pages are mapped.
  public let addresses: [LinearAddress]
  /// Keeps results from being optimized away.
  public var sum: UInt64 = 0

  /// Takes memory and touches all of it, as no measurement should.
  public init(_ scale: Scale) throws {
    // 1.8 tables for each page, and room.
    let memory = try GuestMemory(
      byteCount: scale.scatteredCount * 8192 + 64 << 20, backing: .anonymous)
    _ = unsafe climits_prefault(memory.view.baseAddress, Int(memory.byteCount))
    var allocator = try FrameAllocator(byteCount: memory.byteCount, freeMemory: .zero)
    var table = try PageTable(
      configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
    table.liveness = .offline
    var random = XorShift()
    self.addresses = (0..<scale.scatteredCount).map { _ in
      LinearAddress(truncating: random.next() & 0x7fff_ffff_f000, width: .bits48)
    }
    self.memory = memory
    self.allocator = allocator
    self.table = table
  }

  /// The number of frames that were taken for tables.
  public var frameCount: Int { Int((memory.byteCount - allocator.freeByteCount) / 4096) }

  /// Starts again with all frames free and zero, as ``zeroLimit(_:)`` left them.
  public mutating func restart() throws {
    var fresh = try FrameAllocator(byteCount: memory.byteCount, freeMemory: .zero)
    table = try PageTable(
      configuration: try PagingConfiguration(), memory: memory.view, allocator: &fresh)
    table.liveness = .offline
    allocator = fresh
  }
}

/// Maps pages all over the space, one call for each.
@inline(never)
public func mapScattered(_ stage: inout ScatteredStage) throws {
  let properties = Stage.plain
  for address in stage.addresses {
    try stage.table.map(
      address, byteCount: 4096,
      to: GuestPhysicalAddress(truncating: address.rawValue & 0xff_ffff_f000),
      properties: properties, allocator: &stage.allocator)
  }
}

/// Translates all these addresses.
@inline(never)
public func translateScattered(_ stage: inout ScatteredStage) {
  stage.sum &+= stage.addresses.withUnsafeBufferPointer { translateAll($0, stage.table) }
}

/// Walks the same tables for the same addresses.
@inline(never)
public func scatteredWalkLimit(_ stage: inout ScatteredStage) {
  stage.sum &+= withWords(stage.addresses) {
    unsafe climits_walk(stage.memory.view.baseAddress, stage.table.root.address, $0, $1)
  }
}

/// The same pages by hand-written C without any books, in the frames from 1 on, which are zero.
@inline(never)
public func handWrittenScatteredLimit(_ stage: inout ScatteredStage) {
  stage.sum &+= withWords(stage.addresses) {
    unsafe climits_map(stage.memory.view.baseAddress, 0, $0, $1, 4096)
  }
}

/// Zeroes as many frames as tables were made of.
@inline(never)
public func zeroLimit(_ stage: inout ScatteredStage) {
  unsafe climits_zero(stage.memory.view.baseAddress, stage.frameCount)
}
