// What the upstream's unit tests check, written anew for these operations.

import MMU
import Testing

@testable import GuestMem

@Suite("Cursors stop where they should and report what they did")
struct CursorContractTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("Ranges that are none are refused, and nothing is locked then")
  func ranges() throws {
    var machine = try AddressSpaceTests.Machine()
    let cases: [(LinearAddress, UInt64, String)] = [
      (linear(0x800), 4096, "misaligned-linear-address"),
      (linear(0x1000), 0x801, "misaligned-byte-count"), (linear(0x1000), 0, "empty-range"),
      (linear(0x2000), 0 &- 0x1000, "range-not-canonical"),
      (linear(0xffff_8000_0000_0000), 4096, "not-owned"),
      (linear((1 << 47) - 4096), 8192, "range-not-canonical"),
      (linear(0), (1 << 47) + 4096, "range-not-canonical"),
    ]
    for (address, byteCount, id) in cases {
      do throws(PageTableError) {
        try machine.user.withCursor(
          address, byteCount: byteCount, allocator: &machine.allocator
        ) { (_, _) throws(PageTableError) in }
        Issue.record("\(id) was not thrown")
      } catch {
        #expect(error.id == id)
      }
    }
    machine.check()
  }

  @Test("The first and the last page of each half can be mapped through a cursor")
  func edges() throws {
    var machine = try TestMachine()
    let last = (1 << 47 - 4096) as UInt64
    for address in [0, last, 0xffff_8000_0000_0000, 0 &- 4096] as [UInt64] {
      let prepared = try machine.table.prepare(Self.plain)
      try machine.table.withCursor(
        linear(address), byteCount: 4096, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        try cursor.map4KiB(to: physical(0x5000), prepared, allocator: &allocator)
        #expect(cursor.linearAddress == nil)
        #expect(throws: PageTableError.cursorAtEnd) {
          try cursor.map4KiB(to: physical(0x6000), prepared, allocator: &allocator)
        }
        try cursor.jump(to: linear(address), allocator: &allocator)
        let slot = try cursor.query()
        #expect(slot.first == linear(address) && slot.last == linear(address &+ 4095))
        #expect(cursor.contractViolations() == [])
      }
      let found = try machine.translation(address &+ 4095)
      #expect(found.physicalAddress == physical(0x5fff))
    }
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("Mapping over something is refused, and leaves no split and no new node")
  func overlap() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4 << 20, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    let before = machine.bytes
    let free = machine.allocator.freeByteCount
    for (address, level) in [(0x1000, .pageTable), (0x20_0000, .pageDirectory)]
      as [(UInt64, Level)]
    {
      try machine.table.withCursor(
        linear(address), byteCount: level.span, minimumLevel: level,
        allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        var child = Child<NativePaging>.page(
          PageItem(untracked: physical(0), level: level, properties: Self.plain))
        do throws(PageTableError) {
          try cursor.map(&child, allocator: &allocator)
          Issue.record("nothing was thrown")
        } catch {
          #expect(error.id == "already-mapped")
        }
        let isKept = !child.isNone
        #expect(isKept, "the page is the caller's again")
        #expect(cursor.linearAddress == linear(address))
      }
    }
    let isUnchanged = machine.bytes == before
    #expect(isUnchanged)
    #expect(machine.allocator.freeByteCount == free)
  }

  @Test("A large page needs an aligned place, room in the range and a high enough guard")
  func largePlaces() throws {
    var machine = try TestMachine()
    func attempt(
      _ machine: inout TestMachine, _ address: UInt64, byteCount: UInt64,
      to target: UInt64 = 0, guardLevel: Level = .pageDirectory
    ) throws -> String {
      try machine.table.withCursor(
        linear(address), byteCount: byteCount, minimumLevel: guardLevel,
        allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) -> String in
        var child = Child<NativePaging>.page(
          PageItem(
            untracked: physical(target), level: .pageDirectory, properties: Self.plain))
        do throws(PageTableError) {
          try cursor.map(&child, allocator: &allocator)
          return "mapped"
        } catch {
          return error.id
        }
      }
    }
    #expect(
      try attempt(&machine, 0x1000, byteCount: 0x40_0000) == "misaligned-linear-address")
    #expect(
      try attempt(&machine, 0, byteCount: 0x20_0000, to: 0x1000) == "misaligned-physical-address")
    #expect(try attempt(&machine, 0, byteCount: 0x1000) == "outside-cursor")
    // The exact 2 MiB range: with a level-1 node there, its covering node would be too low.
    try machine.table.withEntry(
      for: linear(0x20_0000), downTo: .pageDirectoryPointerTable, allocator: &machine.allocator
    ) { (entry, allocator) throws(EntryError) in
      #expect(try entry.allocateIfNone(allocator: &allocator) != nil)
    }
    #expect(try attempt(&machine, 0x20_0000, byteCount: 0x20_0000) == "mapped")
    #expect(
      try attempt(&machine, 0x20_0000, byteCount: 0x20_0000, guardLevel: .pageTable)
        == "already-mapped")
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("Queries and jumps, also in the middle of a page and back from the end")
  func jumps() throws {
    var machine = try TestMachine()
    for (address, byteCount) in [(0x1000, 0x1000), (0x20_0000, 0x20_0000)] as [(UInt64, UInt64)] {
      try machine.table.map(
        linear(address), byteCount: byteCount, to: physical(address), properties: Self.plain,
        allocator: &machine.allocator)
    }
    try machine.table.withCursor(
      linear(0), byteCount: 1 << 30, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      #expect(cursor.guardLevel == .pageDirectory)
      try cursor.jump(to: linear(0x1000), allocator: &allocator)
      #expect(try cursor.query().first == linear(0x1000))
      try cursor.jump(to: linear(0x30_3000), allocator: &allocator)
      let slot = try cursor.query()
      #expect(slot.first == linear(0x20_0000) && slot.last == linear(0x3f_ffff))
      #expect(cursor.linearAddress == linear(0x30_3000))
      // To the end, by passing over nothing, and back.
      try cursor.jump(to: linear(0x40_0000), allocator: &allocator)
      let end = try cursor.findNext(
        byteCount: cursor.remainingByteCount, allocator: &allocator)
      #expect(end == nil && cursor.linearAddress == nil && cursor.remainingByteCount == 0)
      #expect(throws: PageTableError.cursorAtEnd) { _ = try cursor.query() }
      #expect(cursor.contractViolations() == [])
      try cursor.jump(to: linear(0x1000), allocator: &allocator)
      #expect(try cursor.query().first == linear(0x1000))
      for wrong in [1 << 30, 1 << 46] as [UInt64] {
        #expect(throws: PageTableError.outsideCursor(linearAddress: wrong, byteCount: 0)) {
          try cursor.jump(to: linear(wrong), allocator: &allocator)
        }
      }
      #expect(throws: PageTableError.misalignedLinearAddress(0x1001, alignment: 4096)) {
        try cursor.jump(to: linear(0x1001), allocator: &allocator)
      }
      #expect(cursor.linearAddress == linear(0x1000))
      #expect(cursor.contractViolations() == [])
    }
  }

  @Test("A query where nothing is mapped answers the whole slot, as large as it is")
  func absentSlots() throws {
    var machine = try TestMachine()
    try machine.table.withCursor(
      linear(0x1000), byteCount: 0x1000, allocator: &machine.allocator
    ) { (cursor, _) throws(PageTableError) in
      let slot = try cursor.query()
      #expect(slot.child == .none)
      #expect(slot.first == linear(0) && slot.last.rawValue == 1 << 39 - 1)
    }
  }

  @Test("A search stays on what it finds, stops exactly, and does not pass the range")
  func searches() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0x5000), byteCount: 0x1000, to: physical(0x5000), properties: Self.plain,
      allocator: &machine.allocator)
    // The slot of this page straddles the end of the range.
    try machine.table.map(
      linear(0x20_0000), byteCount: 0x20_0000, to: physical(0x20_0000), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.withCursor(
      linear(0), byteCount: 0x30_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      #expect(try cursor.findNext(byteCount: 0x3000, allocator: &allocator) == nil)
      #expect(cursor.linearAddress == linear(0x3000), "exactly behind what was asked for")
      for _ in 0..<2 {
        let found = try cursor.findNext(byteCount: 0x10_0000, allocator: &allocator)
        #expect(found == linear(0x5000) && cursor.linearAddress == linear(0x5000))
      }
      try cursor.jump(to: linear(0x6000), allocator: &allocator)
      let large = try cursor.findNext(
        byteCount: cursor.remainingByteCount, allocator: &allocator)
      #expect(large == linear(0x20_0000))
      for tooLong in [cursor.remainingByteCount + 4096, 0 &- 4096] as [UInt64] {
        #expect(
          throws: PageTableError.outsideCursor(linearAddress: 0x20_0000, byteCount: tooLong)
        ) {
          _ = try cursor.findNext(byteCount: tooLong, allocator: &allocator)
        }
      }
      #expect(throws: PageTableError.misalignedByteCount(0x800, alignment: 4096)) {
        _ = try cursor.findNext(byteCount: 0x800, allocator: &allocator)
      }
    }
  }

  @Test("Protecting the next page: none, a part of what is asked, and a split of one page only")
  func protectNext() throws {
    var machine = try TestMachine()
    var read = Self.plain
    read.rights = .read
    let wanted = read
    try machine.table.withCursor(
      linear(0), byteCount: 0x10_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let none = try cursor.protectNext(byteCount: 0x10_0000, allocator: &allocator) {
        (_) throws(PageTableError) in wanted
      }
      #expect(none == nil)
    }
    try machine.table.map(
      linear(0), byteCount: 3 << 21, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.withCursor(
      linear(0x20_3000), byteCount: 0x1000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let changed = try cursor.protectNext(byteCount: 0x1000, allocator: &allocator) {
        (_) throws(PageTableError) in wanted
      }
      #expect(changed == linear(0x20_3000)...linear(0x20_3fff))
    }
    #expect(machine.table.leafCount(of: .size2MiB) == 2, "one was split")
    #expect(machine.table.leafCount(of: .size4KiB) == 512)
    #expect(try machine.translation(0x20_3000).properties.rights == .read)
    #expect(try machine.translation(0x20_4000).properties == Self.plain)
    #expect(try machine.translation(0x20_2000).properties == Self.plain)
  }

  @Test("A cursor that finds a table it cannot enter stays where it was")
  func obstacles() throws {
    var machine = try TestMachine()
    for address in [0x5000, 0x20_5000] as [UInt64] {
      try machine.table.map(
        linear(address), byteCount: 0x1000, to: physical(address), properties: Self.plain,
        allocator: &machine.allocator)
    }
    let (table, _, _) = machine.table.tableMemory.deciding(0x20_5000, from: machine.table.root)
    try machine.table.withCursor(
      linear(0), byteCount: 0x40_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let metadata = allocator.metadata
      let state = metadata.nodeState(of: table.frame)
      metadata.setNodeState(
        state.locked(by: ThreadIdentifier(rawValue: 1)), of: table.frame)
      try cursor.jump(to: linear(0x6000), allocator: &allocator)
      let rest = cursor.remainingByteCount
      for operation in 0..<3 {
        do throws(PageTableError) {
          switch operation {
          case 0: _ = try cursor.findNext(byteCount: rest, allocator: &allocator)
          case 1: _ = try cursor.protectNext(byteCount: rest, allocator: &allocator) { old in old }
          default: _ = try cursor.takeNext(byteCount: rest, allocator: &allocator)
          }
          Issue.record("nothing was thrown")
        } catch {
          #expect(error.id == "busy")
        }
        #expect(cursor.linearAddress == linear(0x6000))
        #expect(cursor.contractViolations() == [])
      }
      metadata.setNodeState(state, of: table.frame)
    }
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }
}
