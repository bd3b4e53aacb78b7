// Tables that come out and go in whole: marks, pages, owners and locks.

import MMU
import Testing

@testable import GuestMem

@Suite("A table that comes out is marked and whole, and goes in with all that it has")
struct RemovedTableTests {
  static let plain = AddressSpaceTests.plain

  /// Pages that own frames, and others, below one entry at level 3 and at level 2.
  ///
  /// `owned` has the frames that the pages own afterwards.
  static func machine(_ owned: inout [UInt64]) throws -> AddressSpaceTests.Machine {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    owned = [try tests.mapTracked(&machine, at: 0x1000, size: .size4KiB)]
    let large = try tests.mapTracked(&machine, at: 0x40_0000, size: .size2MiB)
    owned += (0..<512).map { large + $0 }
    try machine.user.map(
      linear(0x3000), byteCount: 0x2000, to: physical(0x30_0000), properties: plain,
      allocator: &machine.allocator)
    // A neighbour keeps the nodes above.
    try machine.user.map(
      linear(1 << 30), byteCount: 4096, to: physical(0), properties: plain,
      allocator: &machine.allocator)
    return machine
  }

  /// The frames of a node and of the nodes below it.
  static func nodes(
    _ table: TableFrame, _ tables: TableMemory<UserPaging>
  ) -> [UInt64] {
    guard let level = tables.metadata.nodeState(of: table.frame).level else { return [] }
    var found = [table.frame]
    for index in 0..<512 {
      if case .table(let child, _) = ChildReference(
        entry: tables.memory.entry(table, index), level: level, tables: tables)
      {
        found += nodes(child, tables)
      }
    }
    return found
  }

  @Test("Remap over a table marks it and every table below it, and keeps what they own")
  func remap() throws {
    for level in [Level.pageDirectory, .pageDirectoryPointerTable] {
      var owned: [UInt64] = []
      var machine = try Self.machine(&owned)
      machine.allocator.drainStack()
      let span = UserPaging.span(UInt64(level.rawValue))
      var child = Child<UserPaging>.page(
        PageItem(untracked: physical(1 << 30), level: level, properties: Self.plain))
      try machine.user.withCursor(
        linear(0), byteCount: span, minimumLevel: level, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        try cursor.remap(&child, allocator: &allocator)
        #expect(cursor.contractViolations() == [])
      }
      guard case .table(let table, let found) = child.reference else {
        Issue.record("no table came out at \(level)")
        return
      }
      #expect(found == level.lower)
      let nodes = Self.nodes(table, machine.user.tableMemory)
      #expect(nodes.count == (level == .pageDirectory ? 1 : 2))
      for node in nodes {
        let state = machine.allocator.metadata.nodeState(of: node)
        #expect(state.isStray && state.isFree, "level \(level)")
      }
      #expect(machine.allocator.metadata.ownership(of: owned[0]) == .shared(1))
      let now = machine.user.translate(linear(0x1000))
      #expect(now?.physicalAddress == physical(1 << 30 + 0x1000) && now?.level == level)
      // What is marked stays out: the page's place does not take it back.
      #expect(throws: EntryError.stray(nodeAddress: table.address)) {
        try machine.user.withEntry(
          for: linear(0), downTo: level, allocator: &machine.allocator
        ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
      }
      child = .none
      machine.allocator.collectReturned()
      for frame in level == .pageDirectory ? [owned[0]] : owned {
        #expect(machine.allocator.metadata.ownership(of: frame) == .unused)
      }
      for node in nodes { #expect(machine.allocator.metadata.ownership(of: node) == .unused) }
      machine.check()
    }
  }

  @Test("A populated table goes out and in again, with its pages, owners and count")
  func populated() throws {
    var owned: [UInt64] = []
    var machine = try Self.machine(&owned)
    for level in [Level.pageDirectory, .pageDirectoryPointerTable] {
      let before = [0x1000, 0x3000, 0x4000, 0x40_0000].map { machine.user.translate(linear($0)) }
      #expect(before.allSatisfy { $0 != nil })
      var child = Child<UserPaging>.none
      try machine.user.withEntry(
        for: linear(0), downTo: level, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
      guard case .table(let table, _) = child.reference else {
        Issue.record("no table came out")
        return
      }
      #expect(machine.user.translate(linear(0x1000)) == nil)
      let nodes = Self.nodes(table, machine.user.tableMemory)
      // It and all that it leads to are there still, and owned by whoever has it.
      #expect(nodes.count == (level == .pageDirectory ? 1 : 2))
      for frame in owned {
        #expect(machine.allocator.metadata.ownership(of: frame) == .shared(1))
      }
      try machine.user.withEntry(
        for: linear(0), downTo: level, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
      let isMoved = child.isNone
      #expect(isMoved)
      #expect(
        [0x1000, 0x3000, 0x4000, 0x40_0000].map { machine.user.translate(linear($0)) } == before)
      machine.check()
    }
    try machine.user.unmap(linear(0), byteCount: 1 << 31, allocator: &machine.allocator)
    for frame in owned { #expect(machine.allocator.metadata.ownership(of: frame) == .unused) }
    machine.check()
  }

  @Test("A guard says whether its node was unlinked, before and after")
  func strayGuard() throws {
    var machine = try AddressSpaceTests.Machine()
    let node = try NodeHandle(
      level: .pageTable, tables: machine.user.tableMemory, allocator: &machine.allocator)
    let guarded = try node.lock()
    let isStrayBefore = guarded.isStray
    node.markStray()
    let isStrayAfter = guarded.isStray
    #expect(!isStrayBefore && isStrayAfter)
  }

  @Test("A page spans as many frames as its level says, owned or not")
  func frameCounts() throws {
    var machine = try AddressSpaceTests.Machine()
    for (level, count) in [
      (Level.pageTable, 1), (.pageDirectory, 512), (.pageDirectoryPointerTable, 512 * 512),
    ] as [(Level, UInt64)] {
      let item = PageItem<UserPaging>(
        untracked: physical(0), level: level, properties: Self.plain)
      #expect(item.frameCount == count)
    }
    for size in [PageSize.size4KiB, .size2MiB] {
      let handle = try machine.allocator.allocateFrame(of: size)
      #expect(handle.frameCount == size.byteCount / 4096)
      let item = try PageItem<UserPaging>(tracked: handle, properties: Self.plain)
      #expect(item.frameCount == size.byteCount / 4096 && item.level == size.level)
    }
  }

  @Test("Two populated tables change places, and each keeps what it has")
  func exchange() throws {
    var owned: [UInt64] = []
    var machine = try Self.machine(&owned)
    let node = try NodeHandle(
      level: .pageTable, tables: machine.user.tableMemory, allocator: &machine.allocator)
    let handle = try machine.allocator.allocateFrame()
    let frame = handle.frame
    do {
      var guarded = try node.lock()
      var page = Child<UserPaging>.page(try PageItem(tracked: handle, properties: Self.plain))
      try guarded.withEntry(at: 7) { (entry) throws(EntryError) in
        try entry.replace(with: &page)
      }
      #expect(guarded.presentCount == 1)
    }
    var child = Child<UserPaging>.table(node)
    try machine.user.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
    #expect(machine.user.translate(linear(0x7000))?.physicalAddress == physical(frame << 12))
    #expect(machine.user.translate(linear(0x1000)) == nil)
    #expect(machine.allocator.metadata.ownership(of: owned[0]) == .shared(1))
    child = .none
    machine.allocator.collectReturned()
    #expect(machine.allocator.metadata.ownership(of: owned[0]) == .unused)
    #expect(machine.allocator.metadata.ownership(of: frame) == .shared(1))
    machine.check()
  }

  @Test("A page or table over one whose table somebody has locked is refused by remap")
  func lockedSubtree() throws {
    var owned: [UInt64] = []
    var machine = try Self.machine(&owned)
    let tables = machine.user.tableMemory
    for place in [0, 1] {
      // The PT itself for a page of 2 MiB, and as a table below for one of 1 GiB.
      let level: Level = place == 0 ? .pageDirectory : .pageDirectoryPointerTable
      let (node, _, _) = tables.deciding(0x1000, from: machine.user.root)
      let real = machine.allocator.metadata.nodeState(of: node.frame)
      machine.allocator.metadata.setNodeState(
        real.locked(by: ThreadIdentifier(rawValue: 99)), of: node.frame)
      var child = Child<UserPaging>.page(
        PageItem(untracked: physical(1 << 30), level: level, properties: Self.plain))
      do throws(PageTableError) {
        try machine.user.withCursor(
          linear(0), byteCount: UserPaging.span(UInt64(level.rawValue)), minimumLevel: level,
          allocator: &machine.allocator
        ) { (cursor, allocator) throws(PageTableError) in
          try cursor.remap(&child, allocator: &allocator)
        }
        Issue.record("a locked table came out")
      } catch {
        #expect(error.id == "busy")
      }
      let isKept = !child.isNone
      #expect(isKept)
      machine.allocator.metadata.setNodeState(real, of: node.frame)
      machine.check()
    }
  }
}
