// Bits that hardware sets at the last moment, at a moment that the test chooses.

import MMU
import Testing

@testable import GuestMem

@Suite("Bits that come while caches are flushed are kept")
struct LateBitTests {
  /// Bits 5 and 6.
  static let statusBits: [UInt64] = [1 << 5, 1 << 6, 3 << 5]

  @Test(
    "In a collapse, a bit that a processor sets in any piece by its stale translation",
    arguments: statusBits, [0, 1, 255, 511])
  func collapse(bits: UInt64, piece: UInt64) throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 2 << 20, to: physical(0),
      properties: PageProperties(rights: [.read, .write]), pageSizes: .exactly(.size4KiB),
      allocator: &machine.allocator)
    let view = machine.memory.view
    let node = machine.table.tableMemory.deciding(piece << 12, from: machine.table.root).0
    let isCollapsed = try machine.table.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, allocator) throws(EntryError) in
      try entry.collapse(allocator: &allocator) {
        view.orWord(bits, at: physical(node.address + piece * 8))
      }
    }
    #expect(isCollapsed)
    let found = try machine.translation(0)
    #expect(found.level == .pageDirectory && found.entry & 3 << 5 == bits)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test(
    "In a split, every piece has what a processor set in the page before it was absent",
    arguments: statusBits)
  func split(bits: UInt64) throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 2 << 20, to: physical(0),
      properties: PageProperties(rights: [.read, .write]), allocator: &machine.allocator)
    let view = machine.memory.view
    let (table, index, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
    let isSplit = try machine.table.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, allocator) throws(EntryError) in
      // After the entry was read and before it is split.
      view.orWord(bits, at: physical(table.address + UInt64(index) * 8))
      return try entry.splitIfLarge(allocator: &allocator, breakBeforeMake: {}) != nil
    }
    #expect(isSplit)
    for piece in 0..<512 as Range<UInt64> {
      #expect(try machine.translation(piece << 12).entry & 3 << 5 == bits)
    }
  }
}
