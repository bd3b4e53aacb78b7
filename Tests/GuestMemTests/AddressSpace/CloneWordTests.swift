// Clones, word by word: links, leaves, counts and what the root does not own.

import MMU
import Testing

@testable import GuestMem

@Suite("A clone has the words of its original, but for addresses of tables and the right to write")
struct CloneWordTests {
  /// Compares two tables and everything below; the number of links and leaves.
  static func compare(
    _ old: TableFrame, _ new: TableFrame, level: UInt64, before: [UInt64: UInt64], mark: UInt64,
    _ machine: borrowing AddressSpaceTests.Machine
  ) -> (links: Int, leaves: Int) {
    let tables = machine.user.tableMemory
    var counts = (links: 0, leaves: 0)
    var present = 0
    #expect(old != new)
    let state = machine.allocator.metadata.nodeState(of: new.frame)
    #expect(state.isNode(of: levelNumbered(level)) && state.isFree && !state.isStray)
    for index in 0..<512 {
      let was = before[old.address | UInt64(index) << 3] ?? 0
      let now = tables.memory.entry(old, index)
      let word = tables.memory.entry(new, index)
      guard tables.ownedIndices(level).contains(index) else {
        #expect(word == was && now == was, "what others own is linked by both, as it is")
        continue
      }
      if was != 0 { present += 1 }
      switch EntryClass(was, level: level, in: .native) {
      case .absent, .invalid: #expect(word == 0 && now == 0)
      case .table:
        // P, R/W and U/S as in the original, and nothing else: A is not the clone's.
        #expect(now == was && word & ~EntryBits.address == was & 7)
        guard let below = tables.memory.table(linkedBy: was),
          let copy = tables.memory.table(linkedBy: word)
        else {
          Issue.record("a link leads nowhere")
          continue
        }
        let found = compare(below, copy, level: level - 1, before: before, mark: mark, machine)
        counts.links += 1 + found.links
        counts.leaves += found.leaves
      case .leaf:
        let isWritable = was & 3 == 3
        let expected = isWritable ? was & ~2 | mark : was
        #expect(now == expected && word == expected)
        counts.leaves += 1
      }
    }
    #expect(state.presentCount == present)
    return counts
  }

  @Test(
    "Links below user and supervisor pages, leaves of every right, size and state",
    arguments: [0, 3, 8] as [UInt16])
  func words(bit: UInt16) throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    // Supervisor links, user links, and what the kernel maps.
    var place: UInt64 = 0
    for isUser in [false, true] {
      for raw in [0, 1, 3, 5, 7] as [UInt8] {
        for flags in 0..<4 {
          let address = linear((isUser ? 1 << 39 : 0) + place << 12)
          try machine.user.map(
            address, byteCount: 4096, to: physical(place << 12),
            properties: PageProperties(
              rights: raw == 0 ? .read : PageRights(rawValue: raw), isUser: isUser,
              isGlobal: flags == 3, isAccessed: flags & 1 != 0, isDirty: flags & 2 != 0,
              softwareBits: 1 << 5),
            allocator: &machine.allocator)
          if raw == 0 {
            try machine.user.protect(
              address, byteCount: 4096, change: PropertyChange(rights: []),
              allocator: &machine.allocator)
          }
          place += flags == 0 ? 1 : 700
        }
      }
    }
    try machine.user.map(
      linear(2 << 39), byteCount: 3 << 21, to: physical(0), properties: AddressSpaceTests.plain,
      allocator: &machine.allocator)
    let small = try tests.mapTracked(&machine, at: 3 << 39, size: .size4KiB)
    let large = try tests.mapTracked(&machine, at: 3 << 39 + 2 << 20, size: .size2MiB)
    try machine.kernel.map(
      linear(0xffff_8000_0000_0000), byteCount: 4096, to: physical(0),
      properties: AddressSpaceTests.plain, allocator: &machine.allocator)
    // A processor has used some of it.
    let (table, _, _) = machine.user.tableMemory.deciding(1 << 39, from: machine.user.root)
    machine.memory.view.orWord(0x20, at: physical(machine.user.root.address | 1 << 3))
    machine.memory.view.orWord(0x20, at: physical(machine.user.root.address | 256 << 3))
    #expect(table != machine.user.root)
    var before = AccessedDirtySnapshot(
      of: machine.user.root, in: machine.user.tableMemory
    ).words
    for index in 256..<512 {
      let address = machine.user.root.address | UInt64(index) << 3
      before[address] = machine.memory.view.loadWord(at: physical(address))
    }
    let free = machine.allocator.freeFrames
    let copy = try machine.user.cloneCopyOnWrite(markingWith: bit, allocator: &machine.allocator)
    #expect(free - machine.allocator.freeFrames == copy.tableCount)
    #expect(copy.tableCount == machine.user.tableCount)
    let mark: UInt64 = bit < 3 ? 1 << (9 + UInt64(bit)) : 1 << (49 + UInt64(bit))
    let counts = Self.compare(
      machine.user.root, copy.root, level: 4, before: before, mark: mark, machine)
    #expect(counts.leaves == 2 * 20 + 3 + 2 && counts.links + 1 == Int(copy.tableCount))
    for frame in [small] + (0..<512).map({ large + $0 }) {
      #expect(machine.allocator.metadata.ownership(of: frame) == .shared(2))
    }
    copy.destroy(allocator: &machine.allocator)
    machine.check()
    #expect(free == machine.allocator.freeFrames)
  }
}
