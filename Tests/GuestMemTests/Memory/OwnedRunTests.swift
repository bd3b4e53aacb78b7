// Frames with owners, each by itself: none of a run is given away by its address.

import MMU
import Testing

@testable import GuestMem

@Suite("No frame that has an owner is freed by its address, first, last or between")
struct OwnedRunTests {
  @Test("Every frame of a run, from an allocator that has given out nothing else")
  func everyFrame() throws {
    for place in 0..<512 as Range<UInt64> {
      var allocator = try FrameAllocator(byteCount: 4 << 20)
      try allocator.reserve(0..<2 << 20)
      let handle = try allocator.allocateFrame(of: .size2MiB)
      let address = physical((handle.frame + place) << 12)
      #expect(handle.frame == 512 && allocator.countedFrames == 512..<1024)
      #expect(
        throws: FrameAllocationError.inUse(start: address.rawValue, end: address.rawValue + 4096)
      ) { try allocator.free(address) }
      #expect(allocator.freeByteCount == 0)
      _ = consume handle
      allocator.collectReturned()
      #expect(allocator.freeByteCount == 2 << 20)
    }
  }

  @Test("A range that reaches into a run at either end by one frame")
  func borders() throws {
    var allocator = try FrameAllocator(byteCount: 8 << 20)
    try allocator.reserve(0..<2 << 20)
    let handle = try allocator.allocateFrame(of: .size2MiB)
    try allocator.reserve(4 << 20..<8 << 20)
    for (start, end) in [(0x1f_f000, 0x20_1000), (0x3f_f000, 0x40_1000), (0, 0x80_0000)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: FrameAllocationError.inUse(start: start, end: end)) {
        try allocator.free(physical(start), byteCount: end - start)
      }
    }
    try allocator.free(physical(0), byteCount: 2 << 20)
    try allocator.free(physical(4 << 20), byteCount: 4 << 20)
    #expect(allocator.freeByteCount == 6 << 20)
    withExtendedLifetime(handle) {}
  }

  @Test("A single frame, a frame that only one may own, and a table")
  func others() throws {
    let memory = try GuestMemory(byteCount: 1 << 20, backing: .anonymous)
    for kind in 0..<3 {
      var allocator = try FrameAllocator(byteCount: memory.byteCount)
      try allocator.reserve(0..<0x5000)
      func refused(_ allocator: inout FrameAllocator) {
        #expect(allocator.countedFrames == 5..<6)
        #expect(throws: FrameAllocationError.inUse(start: 0x5000, end: 0x6000)) {
          try allocator.free(physical(0x5000))
        }
      }
      switch kind {
      case 0:
        let handle = try allocator.allocateFrame()
        refused(&allocator)
        withExtendedLifetime(handle) {}
      case 1:
        let frame = try allocator.allocateUniqueFrame()
        #expect(frame.frame == 5 && allocator.metadata.ownership(of: 5) == .unique)
        refused(&allocator)
        withExtendedLifetime(frame) {}
      default:
        let table = try PageTable(
          configuration: PagingConfiguration(), memory: memory.view, allocator: &allocator)
        refused(&allocator)
        table.destroy(allocator: &allocator)
      }
    }
  }
}
