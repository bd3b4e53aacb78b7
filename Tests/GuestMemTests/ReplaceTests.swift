// Replace: every kind of child for every kind, and what may not go where.

import MMU
import Testing

@testable import GuestMem

@Suite("An entry gives out what it had and takes what it gets")
struct ReplaceTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  /// A child for a level-2 entry: nothing, a large page, or a table.
  static func child(
    _ kind: Int, _ machine: inout AddressSpaceTests.Machine
  ) throws -> Child<UserPaging> {
    switch kind {
    case 0: return .none
    case 1:
      let handle = try machine.allocator.allocateFrame(of: .size2MiB)
      return .page(try PageItem(tracked: handle, properties: plain))
    default:
      return .table(
        try NodeHandle(
          level: .pageTable, tables: machine.user.tableMemory, allocator: &machine.allocator))
    }
  }

  @Test("All nine combinations keep every count", arguments: 0..<9)
  func combinations(number: Int) throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    // A neighbour keeps the level-2 node.
    _ = try tests.mapTracked(&machine, at: 0x4020_0000, size: .size4KiB)
    machine.allocator.drainStack()
    let free = machine.allocator.freeByteCount
    var first = try Self.child(number / 3, &machine)
    var second = try Self.child(number % 3, &machine)
    let kinds = (first.reference, second.reference)
    try machine.user.withEntry(
      for: linear(0x4000_0000), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in
      try entry.replace(with: &first)
      let isMoved = first.isNone
      let isThere = entry.reference == kinds.0
      #expect(isMoved && isThere)
      try entry.replace(with: &second)
      let isOut = second.reference == kinds.0
      let isIn = entry.reference == kinds.1
      #expect(isOut && isIn)
    }
    // What came out is the caller's; what went in is the table's.
    var handles: [UInt64: UInt64] = [:]
    switch second.reference {
    case .none: break
    case .table(let table, _): handles[table.frame] = 1
    case .page(let raw):
      for frame in raw.physicalAddress.rawValue >> 12..<raw.physicalAddress.rawValue >> 12 + 512 {
        handles[frame] = 1
      }
    }
    machine.check(handles: handles)
    second = .none
    try machine.user.unmap(
      linear(0x4000_0000), byteCount: 0x20_0000, allocator: &machine.allocator)
    machine.allocator.drainStack()
    #expect(machine.allocator.freeByteCount == free)
    machine.check()
  }

  @Test("Children of another level, locked tables and user tables below supervisor entries")
  func refusals() throws {
    var machine = try AddressSpaceTests.Machine()
    let node = try NodeHandle(
      level: .pageDirectory, tables: machine.user.tableMemory, allocator: &machine.allocator)
    var table = Child<UserPaging>.table(node)
    var page = Child<UserPaging>.page(
      PageItem(untracked: physical(0), level: .pageTable, properties: Self.plain))
    try machine.user.map(
      linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    try machine.user.withEntry(
      for: linear(0x20_0000), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in
      let mismatch = EntryError.levelMismatch(level: .pageDirectory, found: .pageDirectory)
      #expect(throws: mismatch) { try entry.replace(with: &table) }
      #expect(
        throws: EntryError.levelMismatch(level: .pageDirectory, found: .pageTable)
      ) { try entry.replace(with: &page) }
      var large = Child<UserPaging>.page(
        PageItem(untracked: physical(0x1000), level: .pageDirectory, properties: Self.plain))
      #expect(
        throws: EntryError.invalidPhysicalAddress(0x1000, level: .pageDirectory)
      ) { try entry.replace(with: &large) }
      large = .page(
        PageItem(untracked: physical(0), level: .pageDirectory, properties: Self.plain))
      // The entries above are supervisor entries.
      #expect(throws: EntryError.supervisorTable(level: .pageDirectory)) {
        try entry.replace(with: &large)
      }
      let isKept = !large.isNone
      let isAbsent = entry.isNone
      #expect(isKept && isAbsent)
    }
    let isKept = !table.isNone && !page.isNone
    #expect(isKept)
  }

  @Test("What an entry owns goes in and out of it without a change")
  func roundTrip() throws {
    var machine = try AddressSpaceTests.Machine()
    let tables = machine.user.tableMemory
    for kind in 0..<3 {
      let child = try Self.child(kind, &machine)
      let reference = child.reference
      let word = child.intoEntry()
      let borrowed = ChildReference(entry: word, level: .pageDirectory, tables: tables)
      #expect(borrowed == reference)
      let again = try Child<UserPaging>(
        fromEntry: word, level: .pageDirectory, tables: tables)
      let isSame = again.reference == reference
      #expect(isSame)
      #expect(again.intoEntry() == word)
      _ = try Child<UserPaging>(fromEntry: word, level: .pageDirectory, tables: tables)
    }
    machine.check()
  }
}
