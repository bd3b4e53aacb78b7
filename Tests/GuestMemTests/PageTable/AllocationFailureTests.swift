// What happens when frames run out, at every place where one is needed.

import MMU
import Testing

@testable import GuestMem

@Suite("An operation that runs out of frames changes nothing")
struct AllocationFailureTests {
  static let user = PageProperties(rights: [.read, .write], isUser: true)

  /// Operations that need up to five frames, on a table with a 1 GiB page at 0 and a few others.
  static let operations: [Operation] = [
    .map(1 << 27, 1, to: 0, user, .largest),
    .map((1 << 18) - 1 + (1 << 27), 2, to: 0, user, .largest),
    .map(1 << 20, 1 << 12, to: 1, user, .exactly(.size4KiB)),
    .cursorMapRange(1 << 27, 3, to: 0, user, .largest),
    .cursorMap(1 << 27, .pageTable, to: 0, user),
    .cursorMap(1 << 27, .pageDirectory, to: 0, user),
    .unmap(1, 1), .unmap(511, 2), .unmap(1, (1 << 18) - 2), .cursorUnmap(1, (1 << 18) - 2),
    .protect(511, 2, PropertyChange(rights: .read)),
    .cursorProtect(1, (1 << 18) - 2, PropertyChange(isUser: true)),
    .take(1, 1), .protectNext(1, 1, user), .remap(1, .pageTable, to: 0, user),
    .remap(512, .pageDirectory, to: 0, user),
    .split(0, .pageDirectoryPointerTable), .allocate(1 << 27, .pageMapLevel4),
  ]

  @Test("At every number of free frames", arguments: 0..<operations.count)
  func everyAllocation(number: Int) throws {
    let operation = Self.operations[number]
    for free in 0...40 as ClosedRange<UInt64> {
      var world = try World<NativePaging>(levels: .pageMapLevel4, frameCount: 60)
      let setup = Operation.map(0, 1 << 18, to: 0, Self.user, .largest)
      #expect(world.step(setup, before: world.image) == nil)
      _ = try world.allocator.allocate(
        byteCount: (world.allocator.freeFrames - free) * 4096)
      let before = RawState(world)
      let tables = world.table.tableCount
      let result = world.perform(operation)
      if case .failed(let name) = result {
        #expect(name == "out-of-frames", "\(operation) with \(free) frames")
        #expect(RawState(world).differsOnlyInReclaimed(before), "\(operation), \(free) frames")
        #expect(world.violations == [])
        continue
      }
      // It succeeds with exactly the frames it uses, and not before.
      #expect(world.table.tableCount - tables == free, "\(operation) with \(free) frames")
      #expect(free > 0, "\(operation) should need a frame")
      return
    }
    Issue.record("\(operation) never succeeds")
  }
}
