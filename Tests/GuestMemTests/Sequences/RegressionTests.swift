// Regressions: what went wrong in the upstream's history, T-1 to T-8 of the contracts.

import MMU
import Testing

@testable import GuestMem

@Suite("What went wrong elsewhere goes right here")
struct RegressionTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  @Test("T-1: a fragment's address is the address that was removed")
  func fragmentAddress() throws {
    var machine = try TestMachine()
    for address in [0x7000, 0x20_0000, 0x4000_0000] as [UInt64] {
      try machine.table.map(
        linear(address), byteCount: 4096, to: physical(address), properties: Self.plain,
        allocator: &machine.allocator)
    }
    var found: [(UInt64, UInt64)] = []
    try machine.table.withCursor(
      linear(0), byteCount: 1 << 31, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      while true {
        let rest = cursor.remainingByteCount
        switch try cursor.takeNext(byteCount: rest, allocator: &allocator) {
        case .none: return
        case .some(.page(let address, _)): found.append((address.rawValue, 4096))
        case .some(.table(let address, let byteCount, _, let count)):
          #expect(count.byteCount == 4096 * (address.rawValue == 0 ? 2 : 1))
          found.append((address.rawValue, byteCount))
        }
        #expect(cursor.contractViolations() == [])
      }
    }
    // The upstream's example: over a GiB, the tables come out whole.
    #expect(found.map { $0.0 } == [0, 0x4000_0000])
    #expect(found.map { $0.1 } == [1 << 30, 1 << 30])
    #expect(machine.table.tableCount == 1)
  }

  @Test("The table of one page comes out of a range of 1 GiB, with that page counted")
  func levelOneFragment() throws {
    var machine = try TestMachine()
    for address in [0x20_0000, 0x4000_0000 - 4096] as [UInt64] {
      try machine.table.map(
        linear(address), byteCount: 4096, to: physical(0), properties: Self.plain,
        allocator: &machine.allocator)
    }
    try machine.table.withCursor(
      linear(0), byteCount: (1 << 30) - 4096, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let fragment = try cursor.takeNext(byteCount: 1 << 29, allocator: &allocator)
      guard case .some(.table(let address, let byteCount, _, let count)) = consume fragment
      else {
        Issue.record("no table came out")
        return
      }
      #expect(address == linear(0x20_0000) && byteCount == 0x20_0000)
      #expect(count.pageCounts == [.pageTable: 1] && count.tableCount == 1)
    }
  }

  @Test("A table that leads to empty tables only is not taken: nothing is mapped there")
  func emptySubtree() throws {
    var world = try World<TinyPaging>(levels: .pageMapLevel4, frameCount: 40)
    let plain = PageProperties(rights: [.read, .write])
    for operation in [
      .map(0, 1, to: 8, plain, .largest), .replace(0, .pageDirectory, with: nil, plain),
      .allocate(0, .pageDirectory), .take(0, 8),
    ] as [Operation] {
      #expect(world.step(operation, before: world.image) == nil, "\(operation)")
    }
  }

  @Test("T-2: a subtree that was taken is marked on every level")
  func strayLevels() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.map(
      linear(0x4000_0000), byteCount: 0x20_1000, to: physical(0x4000_0000),
      properties: Self.plain, allocator: &machine.allocator)
    let image = MemoryImage(
      root: machine.table.root.address, rootLevel: 4, indexBits: 9, memory: machine.memory.view)
    #expect(image.tables.count == 6)
    try machine.table.withCursor(
      linear(0), byteCount: 1 << 40, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let fragment = try cursor.takeNext(byteCount: 1 << 39, allocator: &allocator)
      guard case .some(.table(_, _, let node, let count)) = consume fragment else {
        Issue.record("no table came out")
        return
      }
      #expect(node.level == .pageDirectoryPointerTable)
      #expect(count.tableCount == 5)
      #expect(count.pageCounts == [.pageTable: 2, .pageDirectory: 1])
      #expect(count.byteCount == 0x20_2000)
      for table in image.tables.dropFirst() {
        let state = allocator.metadata.nodeState(of: table.frame)
        #expect(state.isStray && !state.isLocked, "level \(table.level)")
      }
    }
  }

  @Test("T-3: two operations through one entry see each other")
  func snapshots() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0x3000), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
      (entry, _) throws(EntryError) in
      try entry.protect { (old) throws(EntryError) in
        var new = old
        new.rights = .read
        return new
      }
      let before = try entry.protect { (old) throws(EntryError) in
        #expect(old.rights == .read)
        var new = old
        new.isGlobal = true
        return new
      }
      #expect(before?.rights == .read)
      var child = Child<NativePaging>.none
      try entry.replace(with: &child)
      guard case .page(let raw) = child.reference else {
        Issue.record("no page came out")
        return
      }
      #expect(raw.properties.rights == .read && raw.properties.isGlobal)
      let isGone = entry.isNone
      #expect(isGone)
      try entry.replace(with: &child)
      let isMoved = child.isNone
      let isBack = !entry.isNone
      #expect(isMoved && isBack)
    }
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("T-4 and T-5: no rights and back keeps the page, its owner and its mark, also split")
  func withoutRights() throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    let frame = try tests.mapTracked(&machine, at: 0x20_0000, size: .size2MiB)
    for rights in [[], [.read, .write]] as [PageRights] {
      try machine.user.protect(
        linear(0x20_0000), byteCount: 0x20_0000, change: PropertyChange(rights: rights),
        allocator: &machine.allocator)
      machine.check()
    }
    // The mark of what is not owned cannot be set by anybody.
    #expect(throws: PageTableError.reservedSoftwareBits(0x200)) {
      try machine.user.protect(
        linear(0x20_0000), byteCount: 0x1000, change: PropertyChange(softwareBits: 0x200),
        allocator: &machine.allocator)
    }
    try machine.user.protect(
      linear(0x20_1000), byteCount: 0x1000,
      change: PropertyChange(rights: [], softwareBits: 0x1ff), allocator: &machine.allocator)
    for offset in [0, 1, 511] as [UInt64] {
      #expect(machine.allocator.metadata.ownership(of: frame + offset) == .shared(1))
    }
    machine.check()
    let report = try machine.user.unmap(
      linear(0x20_0000), byteCount: 0x20_0000, allocator: &machine.allocator)
    #expect(report.leafCounts.size4KiB == 512)
    #expect(machine.allocator.metadata.ownership(of: frame + 1) == .unused)
    machine.check()
  }

  @Test("A page without rights and without XD gets the rights that are asked for and no more")
  func withoutExecuteDisable() throws {
    for isCursor in [false, true] {
      var machine = try TestMachine()
      try machine.table.map(
        linear(0), byteCount: 4096, to: physical(0x3000), properties: Self.plain,
        allocator: &machine.allocator)
      try machine.table.protect(
        linear(0), byteCount: 4096, change: PropertyChange(rights: []),
        allocator: &machine.allocator)
      let (table, index, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
      machine.memory.view.andWord(~(1 << 63), at: physical(table.address | UInt64(index) << 3))
      #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
      if isCursor {
        try machine.table.withCursor(
          linear(0), byteCount: 4096, allocator: &machine.allocator
        ) { (cursor, allocator) throws(PageTableError) in
          _ = try cursor.protectNext(byteCount: 4096, allocator: &allocator) {
            (_) throws(PageTableError) in Self.plain
          }
        }
      } else {
        try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
          (entry, _) throws(EntryError) in
          _ = try entry.protect { (_) throws(EntryError) in Self.plain }
        }
      }
      #expect(try machine.translation(0).properties == Self.plain)
    }
  }

  @Test("T-6: kinds of pages come back exactly, whichever way the mark is read")
  func kinds() throws {
    try kinds(UserPaging.self)
    try kinds(KernelPaging.self)
    try kinds(TinyTrackedPaging.self)
    try kinds(NativePaging.self)
  }

  func kinds<Configuration: PageTableConfiguration>(_: Configuration.Type) throws {
    var allocator = try FrameAllocator(byteCount: 16 << 20)
    for properties in everyProperty
    where properties.softwareBits & Configuration.leafOwnership.softwareMask == 0 {
      let device = PageItem<Configuration>(
        untracked: physical(0x5000), level: .pageTable, properties: properties)
      let raw = device.intoRaw()
      let again = PageItem<Configuration>(fromRaw: raw, metadata: allocator.metadata)
      let isTracked = again.isTracked
      #expect(!isTracked && again.properties == properties)
      #expect(again.intoRaw() == raw)
      guard Configuration.leafOwnership != .none else { continue }
      let handle = try allocator.allocateFrame()
      let frame = handle.frame
      let item = try PageItem<Configuration>(tracked: handle, properties: properties)
      let owned = item.intoRaw()
      #expect(allocator.metadata.ownership(of: frame) == .shared(1))
      let back = PageItem<Configuration>(fromRaw: owned, metadata: allocator.metadata)
      let isOwner = back.isTracked
      #expect(isOwner && back.properties == properties && back.raw == owned)
    }
    allocator.drainStack()
    #expect(allocator.freeByteCount == 16 << 20)
  }

  @Test("T-8: a split for which no frame is left changes no count")
  func failedSplit() throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    let frame = try tests.mapTracked(&machine, at: 0x20_0000, size: .size2MiB)
    machine.allocator.drainStack()
    while (try? machine.allocator.allocate()) != nil {}
    #expect(throws: PageTableError.outOfFrames(needed: 1, available: 0)) {
      try machine.user.unmap(
        linear(0x20_1000), byteCount: 4096, allocator: &machine.allocator)
    }
    #expect(throws: EntryError.outOfFrames) {
      try machine.user.withEntry(
        for: linear(0x20_0000), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        _ = try entry.splitIfLarge(allocator: &allocator)
      }
    }
    for offset in 0..<512 as Range<UInt64> {
      #expect(machine.allocator.metadata.ownership(of: frame + offset) == .shared(1))
    }
    machine.check()
  }
}
