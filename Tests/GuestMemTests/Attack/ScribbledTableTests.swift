// Tables that the guest writes to while the host uses them.

import MMU
import Testing

@testable import GuestMem

@Suite("A guest that writes to its tables harms itself and nobody else")
struct ScribbledTableTests {
  @Test("An entry that is made absent over and over does not count its way into the lock")
  func endlessCount() throws {
    var machine = try TestMachine()
    let properties = PageProperties(rights: [.read, .write])
    var node = machine.table.rootAddress.rawValue
    var state = NodeState(rawValue: 0)
    for round in 0..<5000 {
      try machine.table.map(
        linear(0), byteCount: 4096, to: physical(0), properties: properties,
        allocator: &machine.allocator)
      if round == 0 {
        for _ in 0..<3 {
          node = try #require(machine.memory.view.loadWord(at: physical(node))) & EntryBits.address
        }
      }
      state = machine.table.tableMemory.metadata.nodeState(of: node >> 12)
      guard state.isFree, state.lockProblem(.spin) == nil else { break }
      machine.memory.view.storeWord(0, at: physical(node))
    }
    #expect(state.isFree && state.lockProblem(.spin) == nil)
    #expect(state.isNode(of: .pageTable))
  }

  /// Five levels in which every entry of every table links the one table below.
  func manyfold(leaf: UInt64) throws -> TestMachine {
    var machine = try TestMachine(levels: .pageMapLevel5)
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    var table = machine.table.rootAddress.rawValue
    for _ in 0..<4 {
      let entry = try #require(machine.memory.view.loadWord(at: physical(table)))
      for index in 0..<512 as Range<UInt64> {
        machine.memory.view.storeWord(entry, at: physical(table + index * 8))
      }
      table = entry & EntryBits.address
    }
    for index in 0..<512 as Range<UInt64> {
      machine.memory.view.storeWord(leaf, at: physical(table + index * 8))
    }
    return machine
  }

  @Test(
    "Five tables that look like 2^36 are no more work than five", arguments: [0, 3] as [UInt64])
  func manyfoldTables(leaf: UInt64) throws {
    let half: UInt64 = 1 << 56
    var machine = try manyfold(leaf: leaf)
    let bytes = machine.bytes
    let free = machine.allocator.freeByteCount
    #expect(machine.table.tableCount == 5)
    #expect(machine.table.leafCount(of: .size4KiB) == (leaf == 0 ? 0 : 512))
    let snapshot = AccessedDirtySnapshot(of: machine.table.root, in: machine.table.tableMemory)
    #expect(snapshot.words.count == (leaf == 0 ? 4 * 512 : 5 * 512))
    #expect(machine.table.contractViolations(allocator: machine.allocator) != [])
    for liveness in [TableLiveness.live, .offline] {
      machine.table.liveness = liveness
      #expect(throws: PageTableError.self) {
        try machine.table.protect(
          linear(0), byteCount: half, change: PropertyChange(rights: .read),
          allocator: &machine.allocator)
      }
    }
    #expect(throws: PageTableError.self) {
      try machine.table.map(
        linear(0), byteCount: 1 << 45, to: physical(0),
        properties: PageProperties(rights: .read), allocator: &machine.allocator)
    }
    #expect(throws: PageTableError.self) {
      _ = try machine.table.cloneCopyOnWrite(markingWith: 0, allocator: &machine.allocator)
    }
    try machine.table.withCursor(linear(0), byteCount: half, allocator: &machine.allocator) {
      (cursor, allocator) throws(PageTableError) in
      if leaf == 0 {
        #expect(throws: PageTableError.self) {
          _ = try cursor.findNext(byteCount: half, allocator: &allocator)
        }
        try cursor.jump(to: linear(0), allocator: &allocator)
        #expect(throws: PageTableError.self) {
          _ = try cursor.takeNext(byteCount: half, allocator: &allocator)
        }
        #expect(throws: PageTableError.self) {
          _ = try cursor.protectNext(byteCount: half, allocator: &allocator) {
            (properties) throws(PageTableError) in properties
          }
        }
      }
      try cursor.jump(to: linear(0), allocator: &allocator)
      #expect(throws: PageTableError.self) {
        try cursor.protect(
          byteCount: half, change: PropertyChange(rights: .read), allocator: &allocator)
      }
      #expect(throws: PageTableError.self) {
        try cursor.map(
          byteCount: 1 << 45, to: physical(0),
          PreparedProperties(leaf: LeafBits(small: 1, large: 0x81), linkBits: 3),
          allocator: &allocator)
      }
    }
    #expect(machine.bytes == bytes)
    #expect(machine.allocator.freeByteCount == free)
    // What removes them comes to each of them once.
    try machine.table.unmap(linear(0), byteCount: half, allocator: &machine.allocator)
    #expect(machine.allocator.freeByteCount == free + 4 * 4096)
    machine = try manyfold(leaf: 3)
    try machine.table.withCursor(linear(0), byteCount: half, allocator: &machine.allocator) {
      (cursor, allocator) throws(PageTableError) in
      let fragment = try cursor.takeNext(byteCount: half, allocator: &allocator)
      guard case .some(.table(_, _, _, let count)) = consume fragment else {
        Issue.record("no table came out")
        return
      }
      #expect(count.tableCount == 4)
    }
  }

  @Test("The same in tables of a boot table's own")
  func manyfoldBootTables() throws {
    let machine = try manyfold(leaf: 3)
    var allocator = try FrameAllocator(byteCount: machine.memory.byteCount)
    try allocator.reserve(0..<8 * 4096)
    var boot = try BootPageTable(
      adopting: machine.table.rootAddress.rawValue, configuration: machine.table.paging,
      memory: machine.memory.view, allocator: &allocator)
    // Each adopted table would be copied once for each of its links.
    #expect(throws: PageTableError.self) {
      try boot.protect(
        linear(0), byteCount: 1 << 56, change: PropertyChange(rights: .read),
        allocator: &allocator)
    }
    try boot.protect(linear(0), change: PropertyChange(rights: .read), allocator: &allocator)
    var table = boot.rootAddress.rawValue
    for _ in 0..<4 {
      let entry = try #require(machine.memory.view.loadWord(at: physical(table)))
      for index in 0..<512 as Range<UInt64> {
        machine.memory.view.storeWord(entry, at: physical(table + index * 8))
      }
      table = entry & EntryBits.address
    }
    #expect(throws: PageTableError.self) {
      try boot.protect(
        linear(0), byteCount: 1 << 56, change: PropertyChange(rights: .read),
        allocator: &allocator)
    }
  }
}
