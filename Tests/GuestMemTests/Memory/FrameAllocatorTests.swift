// The frame allocator against a set of free frames.

import GuestMem
import MMU
import TestSupport
import Testing

@Suite("The frame allocator gives every frame to one owner")
struct FrameAllocatorTests {
  @Test("Random requests agree with a set of free frames", arguments: 1...20 as ClosedRange<UInt64>)
  func random(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let frameCount: UInt64 = 64
    var allocator = try FrameAllocator(byteCount: frameCount * 4096)
    var free = Set(0..<frameCount)
    for _ in 0..<2000 {
      let start = UInt64(generator.index(below: Int(frameCount)))
      let count = UInt64(generator.index(below: 6) + 1)
      let frames = start..<start + count
      let alignment = UInt64(1) << UInt64(generator.index(below: 4))
      switch generator.index(below: 4) {
      case 0:
        let expected = (0..<frameCount).first { first in
          first % alignment == 0 && (first..<first + count).allSatisfy(free.contains)
        }
        let given = try? allocator.allocate(byteCount: count * 4096, alignment: alignment * 4096)
        #expect(given?.rawValue == expected.map { $0 * 4096 }, "seed \(seed)")
        if let expected { free.subtract(expected..<expected + count) }
      case 1:
        let isPossible = frames.allSatisfy(free.contains)
        #expect(
          isPossible == allocator.isFree(frames.lowerBound * 4096..<frames.upperBound * 4096))
        let isDone =
          (try? allocator.reserve(frames.lowerBound * 4096..<frames.upperBound * 4096)) != nil
        #expect(isDone == isPossible, "seed \(seed)")
        if isPossible { free.subtract(frames) }
      default:
        let isPossible =
          frames.upperBound <= frameCount && !frames.contains(where: free.contains)
        let isDone = (try? allocator.free(physical(start * 4096), byteCount: count * 4096)) != nil
        #expect(isDone == isPossible, "seed \(seed)")
        if isPossible { free.formUnion(frames) }
      }
      #expect(allocator.freeByteCount == UInt64(free.count) * 4096, "seed \(seed)")
    }
  }

  @Test("A petabyte costs nothing")
  func petabyte() throws {
    var allocator = try FrameAllocator(byteCount: 1 << 50)
    let run = try allocator.allocate(byteCount: 1 << 49, alignment: 1 << 49)
    #expect(run.rawValue == 0)
    try allocator.reserve((1 << 49) + 4096..<(1 << 49) + 8192)
    #expect(try allocator.allocate().rawValue == 1 << 49)
    #expect(try allocator.allocate().rawValue == (1 << 49) + 8192)
    try allocator.free(run, byteCount: 1 << 49)
    #expect(allocator.freeByteCount == (1 << 50) - 3 * 4096)
  }

  @Test("Every misuse has its error")
  func misuse() throws {
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    #expect(throws: FrameAllocationError.invalidSize(byteCount: 0, alignment: 4096)) {
      try allocator.allocate(byteCount: 0)
    }
    #expect(throws: FrameAllocationError.invalidSize(byteCount: 4096, alignment: 12288)) {
      try allocator.allocate(byteCount: 4096, alignment: 12288)
    }
    #expect(throws: FrameAllocationError.invalidRange(start: 0, end: 2 << 20)) {
      try allocator.reserve(0..<2 << 20)
    }
    #expect(throws: FrameAllocationError.alreadyFree(start: 0, end: 4096)) {
      try allocator.free(physical(0))
    }
    #expect(throws: FrameAllocationError.invalidRange(start: 4096, end: 4095)) {
      try allocator.free(physical(4096), byteCount: .max)
    }
    #expect(
      throws: FrameAllocationError.outOfMemory(
        byteCount: 4096, alignment: 1 << 63, freeByteCount: 0)
    ) {
      _ = try allocator.allocate(byteCount: 1 << 20)
      _ = try allocator.allocate(byteCount: 4096, alignment: 1 << 63)
    }
  }

  @Test("A frame with owners is given back by them alone")
  func ownedFrames() throws {
    let memory = try GuestMemory(byteCount: 1 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    let table = try PageTable(
      configuration: PagingConfiguration(), memory: memory.view, allocator: &allocator)
    let handle = try allocator.allocateFrame()
    let plain = try allocator.allocate()
    let free = allocator.freeByteCount
    for address in [table.rootAddress, handle.address] {
      let end = address.rawValue + 4096
      #expect(throws: FrameAllocationError.inUse(start: address.rawValue, end: end)) {
        try allocator.free(address)
      }
    }
    #expect(throws: FrameAllocationError.inUse(start: 0, end: 3 * 4096)) {
      try allocator.free(physical(0), byteCount: 3 * 4096)
    }
    #expect(allocator.freeByteCount == free)
    try allocator.free(plain)
    _ = consume handle
    table.destroy(allocator: &allocator)
    let isFree = allocator.isFree(0..<memory.byteCount)
    #expect(isFree)
  }
}
