// Frames of tables that go back, in every order and by every way, and frames that must not.

import MMU
import Testing

@testable import GuestMem

@Suite("Every frame of a table that goes can be given out again, and no other one")
struct ReturnedFrameTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("Whatever frame of a table came back last, frame 0 among them")
  func lastFrame() throws {
    let memory = try GuestMemory(byteCount: 16 << 12, backing: .anonymous)
    for last in 0..<4 as Range<UInt64> {
      for question in 0..<4 {
        var allocator = try FrameAllocator(byteCount: memory.byteCount)
        var frames: [UInt64] = []
        for _ in 0..<4 { if let taken = allocator.takeNodeFrame() { frames.append(taken.frame) } }
        #expect(frames == [0, 1, 2, 3])
        for frame in frames.filter({ $0 != last }) + [last] { allocator.returnNodeFrame(frame) }
        #expect(allocator.freeByteCount == 16 << 12)
        switch question {
        case 0:
          let isFree = allocator.isFree(last << 12..<(last + 1) << 12)
          #expect(isFree)
        case 1: #expect(try allocator.allocate(byteCount: 16 << 12).rawValue == 0)
        case 2: #expect(throws: Never.self) { try allocator.reserve(0..<16 << 12) }
        default:
          #expect(
            throws: FrameAllocationError.alreadyFree(start: last << 12, end: (last + 1) << 12)
          ) {
            try allocator.free(physical(last << 12))
          }
        }
      }
      // One frame alone.
      var allocator = try FrameAllocator(byteCount: 4096)
      let taken = allocator.takeNodeFrame()
      allocator.returnNodeFrame(try #require(taken).frame)
      #expect(try allocator.allocate().rawValue == 0)
    }
    // A table whose root is frame 0 and comes back last.
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    let table = try PageTable(
      configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
    #expect(table.root.frame == 0)
    table.destroy(allocator: &allocator)
    let isFree = allocator.isFree(0..<4096)
    #expect(isFree)
  }

  /// How the pages are removed.
  enum Removal: CaseIterable { case unmap, offline, cursor, whole }

  @Test("Tables of each level, removed in each way", arguments: Removal.allCases)
  func removed(removal: Removal) throws {
    for byteCount in [4096, 0x20_0000, 0x40_0000, 1 << 30, 1 << 39, 1 << 40] as [UInt64] {
      for pages in [[0], [0, 0x20_0000], [0, 0x1000, 0x20_0000, 1 << 30, 1 << 39 - 4096]]
        as [[UInt64]]
      {
        var machine = try TestMachine()
        var expected: UInt64 = 0
        for page in pages where page < byteCount {
          try machine.table.map(
            linear(page), byteCount: 4096, to: physical(0), properties: Self.plain,
            allocator: &machine.allocator)
          expected += 4096
        }
        let free = machine.allocator.freeByteCount
        var report = UnmapReport()
        machine.table.liveness = removal == .offline || removal == .whole ? .offline : .live
        if removal == .cursor {
          report = try machine.table.withCursor(
            linear(0), byteCount: byteCount, allocator: &machine.allocator
          ) { (cursor, allocator) throws(PageTableError) in
            try cursor.unmap(byteCount: byteCount, allocator: &allocator)
          }
        } else {
          report = try machine.table.unmap(
            linear(0), byteCount: removal == .whole ? 1 << 40 : byteCount,
            allocator: &machine.allocator)
        }
        #expect(report.byteCount == expected && report.leafCounts == (expected / 4096, 0, 0))
        #expect(machine.table.tableCount == 1)
        if removal != .cursor {
          #expect(
            report.freedTableCount == (machine.allocator.freeByteCount - free) / 4096)
        }
        // All but the root, in one piece.
        #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
        let rest = machine.allocator.freeByteCount
        #expect(rest == 16 << 20 - 4096)
        #expect(try machine.allocator.allocate(byteCount: rest).rawValue == 4096)
        #expect(machine.allocator.freeByteCount == 0)
      }
    }
  }

  @Test(
    "A table that a guest linked at the wrong level stays whoever's it is",
    arguments: [false, true])
  func wrongLevel(isOffline: Bool) throws {
    // Levels of the forged entry, and of the table that it links.
    for (place, target) in [
      (3, 1), (3, 3), (3, 4), (2, 2), (2, 3), (2, 4), (4, 1), (4, 2),
    ] as [(UInt64, UInt64)] {
      var machine = try TestMachine()
      machine.table.liveness = isOffline ? .offline : .live
      let kept: UInt64 = 1 << 40
      for address in [0, 0x1000, kept] {
        try machine.table.map(
          linear(address), byteCount: 4096, to: physical(address & 0xf000 | 0x10_0000),
          properties: Self.plain, allocator: &machine.allocator)
      }
      let image = MemoryImage(
        root: machine.table.root.address, rootLevel: 4, indexBits: 9, memory: machine.memory.view)
      let forged = try #require(image.tables.first { $0.level == place && $0.position == 0 })
      let linked = try #require(
        image.tables.first { $0.level == target && ($0.position == kept || target == 4) })
      // Behind index 0 and, in the root, below the slot of what is kept.
      machine.memory.view.storeWord(
        linked.frame << 12 | 3, at: physical(forged.frame << 12 | 1 << 3))
      let free = machine.allocator.freeByteCount
      let state = machine.allocator.metadata.nodeState(of: linked.frame)
      let report = try machine.table.unmap(
        linear(0), byteCount: kept, allocator: &machine.allocator)
      #expect(report.byteCount == 0x2000 && report.freedTableCount == 3, "\(place) \(target)")
      #expect(machine.allocator.freeByteCount == free + 3 * 4096)
      #expect(machine.allocator.metadata.ownership(of: linked.frame) == .shared(1))
      let now = machine.allocator.metadata.nodeState(of: linked.frame)
      #expect(target == 4 || now == state, "\(place) \(target)")
      #expect(try machine.translation(kept).physicalAddress == physical(0x10_0000))
    }
  }

  @Test("Few tables that are linked more often than there are tables are refused by a change")
  func manyLinks() throws {
    for isOffline in [false, true] {
      for byCursor in [false, true] {
        var machine = try TestMachine()
        machine.table.liveness = isOffline ? .offline : .live
        try machine.table.map(
          linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
          allocator: &machine.allocator)
        let directory = try #require(
          MemoryImage(
            root: machine.table.root.address, rootLevel: 4, indexBits: 9,
            memory: machine.memory.view
          ).tables.first { $0.level == 2 })
        let link = try #require(machine.memory.view.loadWord(at: physical(directory.frame << 12)))
        // Ten links to one table, where four tables are in use and the memory has 4096 frames.
        for index in 1..<10 as Range<UInt64> {
          machine.memory.view.storeWord(link, at: physical(directory.frame << 12 | index << 3))
        }
        let bytes = machine.bytes
        let change = PropertyChange(rights: .read)
        var found: PageTableError?
        do throws(PageTableError) {
          if byCursor {
            _ = try machine.table.withCursor(
              linear(0), byteCount: 1 << 30, minimumLevel: .pageMapLevel4,
              allocator: &machine.allocator
            ) { (cursor, allocator) throws(PageTableError) in
              try cursor.protect(byteCount: 1 << 30, change: change, allocator: &allocator)
            }
          } else {
            try machine.table.protect(
              linear(0), byteCount: 1 << 30, change: change, allocator: &machine.allocator)
          }
        } catch {
          found = error
        }
        // The PDPT, the PD and two links are as many as there are tables.
        #expect(
          found
            == .invalidEntry(
              linearAddress: 2 << 21, level: .pageDirectory, entry: link))
        #expect(machine.bytes == bytes)
        // What comes to one link only is no concern of the others.
        try machine.table.protect(
          linear(0), byteCount: 0x20_0000, change: change, allocator: &machine.allocator)
        #expect(try machine.translation(0).properties.rights == .read)
      }
    }
  }
}
