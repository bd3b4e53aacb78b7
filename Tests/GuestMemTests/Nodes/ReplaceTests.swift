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

  @Test("Children of another level, misplaced pages and user pages below supervisor entries")
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
    guard case .table(let owned) = consume table else {
      Issue.record("the table is gone")
      return
    }
    machine.check(handles: [owned.table.frame: 1])
    withExtendedLifetime(owned) {}
  }

  /// Puts a table into the entry of `address`, which must refuse it and keep it with its caller.
  func refuse(
    _ node: consuming NodeHandle<UserPaging>, at address: UInt64, _ expected: EntryError,
    _ machine: inout AddressSpaceTests.Machine
  ) throws -> NodeHandle<UserPaging> {
    var table = Child<UserPaging>.table(node)
    try machine.user.withEntry(
      for: linear(address), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in
      let before = entry.word
      #expect(throws: expected) { try entry.replace(with: &table) }
      #expect(entry.word == before)
    }
    guard case .table(let kept) = consume table else { throw Lost() }
    return kept
  }

  /// A table that should have stayed with its caller did not.
  struct Lost: Error {}

  @Test("A table that is locked, in any state, is refused and stays its owner's")
  func lockedTable() throws {
    var machine = try AddressSpaceTests.Machine()
    let tables = machine.user.tableMemory
    try machine.user.map(
      linear(0x20_0000), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    // Into an entry that is absent, and into one that has a table.
    for address in [0, 0x20_0000] as [UInt64] {
      let node = try NodeHandle(
        level: .pageTable, tables: tables, allocator: &machine.allocator)
      let frame = node.table.frame
      let guarded = try node.lock()
      let busy = EntryError.busy(nodeAddress: frame << 12, holder: .thisThread(.current))
      let kept = try refuse(node, at: address, busy, &machine)
      let isKept = kept.table.frame == frame
      #expect(isKept)
      _ = consume guarded
      machine.check(handles: [frame: 1])
      withExtendedLifetime(kept) {}
    }
    // Once it is unlocked it goes in.
    let node = try NodeHandle(level: .pageTable, tables: tables, allocator: &machine.allocator)
    var table = Child<UserPaging>.table(node)
    try machine.user.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in try entry.replace(with: &table) }
    machine.check()
  }

  @Test("A table with user entries is refused below a supervisor entry, wherever they stand in it")
  func userTable() throws {
    for index in [0, 1, 255, 511] {
      var machine = try AddressSpaceTests.Machine()
      // Supervisor entries above, with a neighbour that keeps them.
      try machine.user.map(
        linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
        allocator: &machine.allocator)
      let node = try NodeHandle(
        level: .pageTable, tables: machine.user.tableMemory, allocator: &machine.allocator)
      let frame = node.table.frame
      do {
        var guarded = try node.lock()
        try guarded.withEntry(at: index) { (entry) throws(EntryError) in
          var page = Child<UserPaging>.page(
            PageItem(untracked: physical(0x5000), level: .pageTable, properties: Self.plain))
          try entry.replace(with: &page)
        }
      }
      let kept = try refuse(
        node, at: 0x20_0000, .supervisorTable(level: .pageDirectory), &machine)
      machine.check(handles: [frame: 1])
      let isKept = kept.table.frame == frame
      #expect(isKept)
      // A supervisor page in the same place is welcome.
      do {
        var guarded = try kept.lock()
        try guarded.withEntry(at: index) { (entry) throws(EntryError) in
          var page = Child<UserPaging>.page(
            PageItem(
              untracked: physical(0x5000), level: .pageTable,
              properties: PageProperties(rights: .read)))
          try entry.replace(with: &page)
        }
      }
      var table = Child<UserPaging>.table(kept)
      try machine.user.withEntry(
        for: linear(0x20_0000), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in try entry.replace(with: &table) }
      let found = machine.user.translate(linear(0x20_0000 + UInt64(index) << 12))
      #expect(found?.physicalAddress == physical(0x5000))
      machine.check()
    }
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
