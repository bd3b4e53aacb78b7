// Pages put in through a cursor one after the other, with everything else in between.

import MMU
import Testing

@testable import GuestMem

@Suite("A run of pages goes on after anything else, and only where it may")
struct CursorRunTests {
  static let plain = PageProperties(rights: [.read, .write])

  /// What a cursor can do between two pages of a run.
  enum Interruption: CaseIterable {
    case nothing, query, findNext, jumpAway, jumpBack, refusedRange, refusedPage, emptyRange
    case protect, unmapNext, takeNext, otherPage
  }

  @Test(
    "Every operation between two pages", arguments: Interruption.allCases, [1, 2, 3] as [UInt8])
  func interruptions(_ interruption: Interruption, minimum: UInt8) throws {
    var machine = try TestMachine()
    let prepared = try machine.table.prepare(Self.plain)
    let level = try #require(Level(rawValue: minimum))
    // The node is there, so that the covering node may be a page table.
    try machine.table.map(
      linear(0x1f_f000), byteCount: 4096, to: physical(0x1f_f000), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.withCursor(
      linear(0), byteCount: 0x20_0000, minimumLevel: level, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.map4KiB(to: physical(0), prepared, allocator: &allocator)
      switch interruption {
      case .nothing: break
      case .query: _ = try cursor.query()
      case .findNext:
        #expect(try cursor.findNext(byteCount: 0x1000, allocator: &allocator) == nil)
        try cursor.jump(to: linear(0x1000), allocator: &allocator)
      case .jumpAway: try cursor.jump(to: linear(0x10_0000), allocator: &allocator)
      case .jumpBack:
        try cursor.jump(to: linear(0x1f_f000), allocator: &allocator)
        try cursor.jump(to: linear(0x1000), allocator: &allocator)
      case .refusedRange:
        #expect(throws: PageTableError.self) {
          try cursor.map(
            byteCount: 0x1f_f000, to: physical(0), prepared, pageSizes: .exactly(.size4KiB),
            allocator: &allocator)
        }
      case .refusedPage:
        #expect(throws: PageTableError.misalignedPhysicalAddress(0x800, alignment: 4096)) {
          try cursor.map4KiB(to: physical(0x800), prepared, allocator: &allocator)
        }
      case .emptyRange:
        #expect(try cursor.unmap(byteCount: 0, allocator: &allocator).byteCount == 0)
      case .protect:
        try cursor.protect(
          byteCount: 0x1000, change: PropertyChange(rights: .read), allocator: &allocator)
        try cursor.jump(to: linear(0x1000), allocator: &allocator)
      case .unmapNext:
        try cursor.unmap(byteCount: 0x1000, allocator: &allocator)
        try cursor.jump(to: linear(0x1000), allocator: &allocator)
      case .takeNext:
        let taken = try cursor.takeNext(byteCount: 0x1000, allocator: &allocator)
        let isNothing = taken == nil
        #expect(isNothing)
        try cursor.jump(to: linear(0x1000), allocator: &allocator)
      case .otherPage:
        var child = Child<NativePaging>.page(
          PageItem(
            untracked: physical(0x1000), level: .pageTable, properties: Self.plain))
        try cursor.map(&child, allocator: &allocator)
      }
      #expect(cursor.contractViolations() == [])
      let start = (cursor.linearAddress?.rawValue ?? 0) >> 12
      for page in start..<start + 3 {
        try cursor.map4KiB(to: physical(page << 12), prepared, allocator: &allocator)
        #expect(cursor.contractViolations() == [])
        #expect(cursor.linearAddress == linear((page + 1) << 12))
      }
    }
    let first: UInt64 =
      switch interruption {
      case .jumpAway: 0x100
      case .otherPage: 2
      default: 1
      }
    for page in [0, first, first + 1, first + 2, 0x1ff] {
      #expect(try machine.translation(page << 12).physicalAddress == physical(page << 12))
    }
    #expect(machine.table.translate(linear((first + 3) << 12)) == nil)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("User pages in a run raise the entries above, also after supervisor pages")
  func userPages() throws {
    var machine = try TestMachine()
    let plain = try machine.table.prepare(Self.plain)
    let user = try machine.table.prepare(PageProperties(rights: .read, isUser: true))
    // Pages in two nodes; the first user page comes in the middle of the first.
    let count: UInt64 = 700
    try machine.table.withCursor(
      linear(0), byteCount: count << 12, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      for page in 0..<count {
        let isUser = page >= 100 && page % 3 != 0
        try cursor.map4KiB(to: physical(page << 12), isUser ? user : plain, allocator: &allocator)
        #expect(cursor.contractViolations() == [])
      }
    }
    for page in 0..<count {
      let found = try machine.translation(page << 12)
      #expect(found.physicalAddress == physical(page << 12))
      #expect(found.properties.isUser == (page >= 100 && page % 3 != 0))
    }
    // R-1 among them: every entry above a user page is a user entry.
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }
}
