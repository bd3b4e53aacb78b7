// What a cursor needs: frames for what it makes only, and a covering node as high as its pages.

import MMU
import Testing

@testable import GuestMem

@Suite(
  "A cursor maps no page that is larger than its covering node, and takes no frame to be there")
struct CursorLimitTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test(
    "Pages of one size in a range of exactly that size",
    arguments: [(PageSize.size2MiB, Level.pageTable), (.size1GiB, .pageDirectory)])
  func sizes(size: PageSize, lower: Level) throws {
    let address = linear(size.byteCount * 3)
    for minimum in [lower, size.level] {
      for choice in [PageSizeChoice.exactly(size), .largest, .exactly(.size4KiB)] {
        guard size == .size2MiB || choice != .exactly(.size4KiB) else { continue }
        var machine = try TestMachine()
        // Empty tables down to the one that is too low for the page.
        for _ in lower.rawValue..<4 {
          try machine.table.withEntry(
            for: address, downTo: size.level, allocator: &machine.allocator
          ) { (entry, allocator) throws(EntryError) in
            let made = try entry.allocateIfNone(allocator: &allocator) != nil
            #expect(made)
          }
        }
        let prepared = try machine.table.prepare(Self.plain)
        let bytes = machine.bytes
        let free = machine.allocator.freeByteCount
        var found: PageTableError?
        do throws(PageTableError) {
          try machine.table.withCursor(
            address, byteCount: size.byteCount, minimumLevel: minimum,
            allocator: &machine.allocator
          ) { (cursor, allocator) throws(PageTableError) in
            #expect(cursor.guardLevel == minimum)
            do throws(PageTableError) {
              try cursor.map(
                byteCount: size.byteCount, to: physical(0), prepared, pageSizes: choice,
                allocator: &allocator)
            } catch {
              #expect(cursor.linearAddress == address)
              throw error
            }
          }
        } catch {
          found = error
        }
        // The empty table in the way leaves no room for the page either.
        guard choice == .exactly(size) else {
          #expect(found == nil, "\(size) \(minimum) \(choice)")
          let expected: Level =
            choice == .exactly(.size4KiB) || lower == .pageTable ? .pageTable : lower
          #expect(machine.table.translate(address)?.level == expected)
          continue
        }
        if minimum == lower {
          #expect(
            found == .outsideCursor(linearAddress: address.rawValue, byteCount: size.byteCount))
        } else {
          #expect(found?.id == "already-mapped")
        }
        #expect(machine.bytes == bytes && machine.allocator.freeByteCount == free)
      }
    }
  }

  @Test("Without a free frame a cursor looks, changes and removes")
  func noFrames() throws {
    var machine = try TestMachine()
    for address in [0, 0x1000] as [UInt64] {
      try machine.table.map(
        linear(address), byteCount: 4096, to: physical(address), properties: Self.plain,
        allocator: &machine.allocator)
    }
    _ = try machine.allocator.allocate(byteCount: machine.allocator.freeByteCount)
    #expect(machine.allocator.freeByteCount == 0)
    for minimum in [Level.pageTable, .pageDirectory, .pageMapLevel4] {
      try machine.table.withCursor(
        linear(0), byteCount: 0x2000, minimumLevel: minimum, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        #expect(try cursor.query().first == linear(0))
        #expect(
          try cursor.protect(
            byteCount: 0x1000, change: PropertyChange(rights: .read), allocator: &allocator)
            == 0x1000)
        #expect(cursor.contractViolations() == [])
      }
    }
    #expect(try machine.translation(0).properties.rights == .read)
    let prepared = try machine.table.prepare(Self.plain)
    // What needs a frame says so, and how many.
    #expect(throws: PageTableError.outOfFrames(needed: 1, available: 0)) {
      try machine.table.withCursor(
        linear(0), byteCount: 1 << 30, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        try cursor.jump(to: linear(0x20_0000), allocator: &allocator)
        try cursor.map(
          byteCount: 0x1000, to: physical(0), prepared, allocator: &allocator)
      }
    }
    try machine.table.withCursor(linear(0), byteCount: 0x2000, allocator: &machine.allocator) {
      (cursor, allocator) throws(PageTableError) in
      let report = try cursor.unmap(byteCount: 0x2000, allocator: &allocator)
      #expect(report.byteCount == 0x2000)
    }
    #expect(machine.allocator.freeByteCount == 3 * 4096)
  }
}
