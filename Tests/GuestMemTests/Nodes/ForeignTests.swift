// Foreign: halves, children, allocators and roots that are somebody else's.

import MMU
import Testing

@testable import GuestMem

@Suite("What is somebody else's is refused, and stays as it is")
struct ForeignTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  @Test("A root entry of the other half cannot be changed through this root")
  func otherHalf() throws {
    var machine = try AddressSpaceTests.Machine()
    try machine.kernel.map(
      linear(0xffff_8000_0000_0000), byteCount: 4096, to: physical(0x5000),
      properties: PageProperties(rights: .read), allocator: &machine.allocator)
    for index in [256, 300, 511] {
      #expect(throws: EntryError.notOwned(index: index)) {
        try machine.user.withRoot(allocator: &machine.allocator) {
          (root, _) throws(EntryError) in
          #expect(try root.word(at: index) != 0, "reading is no change")
          try root.withEntry(at: index) { (entry) throws(EntryError) in
            // This would take a kernel's table out of one root and free it.
            var child = Child<UserPaging>.none
            try entry.replace(with: &child)
          }
        }
      }
    }
    // Nor what is below: a user's table reads the mark of a kernel's page the other way round.
    #expect(throws: EntryError.notOwned(index: 256)) {
      try machine.user.withEntry(
        for: linear(0xffff_8000_0000_0000), allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in
        var child = Child<UserPaging>.none
        try entry.replace(with: &child)
      }
    }
    #expect(throws: EntryError.notOwned(index: 3)) {
      try machine.kernel.withEntry(
        for: linear(3 << 39), downTo: .pageMapLevel4, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        _ = try entry.allocateIfNone(allocator: &allocator)
      }
    }
    machine.check()
  }

  @Test("An address that is not canonical leads to no entry")
  func notCanonical() throws {
    var machine = try TestMachine()
    for address in [1 << 47, 1 << 50, 0 &- (1 << 48)] as [UInt64] {
      #expect(throws: EntryError.notCanonical(address)) {
        try machine.table.withEntry(
          for: LinearAddress(truncating: address, width: .bits57), downTo: .pageMapLevel4,
          allocator: &machine.allocator
        ) { (entry, allocator) throws(EntryError) in
          _ = try entry.allocateIfNone(allocator: &allocator)
        }
      }
    }
    #expect(machine.table.tableCount == 1)
  }

  @Test("What is counted in other metadata goes into no entry", arguments: [false, true])
  func foreignChildren(isTable: Bool) throws {
    var machine = try AddressSpaceTests.Machine()
    var other = try AddressSpaceTests.Machine()
    var child: Child<UserPaging>
    let frame: UInt64
    if isTable {
      let node = try NodeHandle(
        level: .pageTable, tables: other.user.tableMemory, allocator: &other.allocator)
      frame = node.table.frame
      child = .table(node)
    } else {
      let handle = try other.allocator.allocateFrame(of: .size2MiB)
      frame = handle.frame
      child = .page(try PageItem(tracked: handle, properties: Self.plain))
    }
    try machine.user.map(
      linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    #expect(throws: EntryError.foreignAllocator) {
      try machine.user.withEntry(
        for: linear(0x20_0000), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
    }
    for isRemap in [false, true] where !isTable {
      #expect(throws: PageTableError.foreignAllocator) {
        try machine.user.withCursor(
          linear(0x20_0000), byteCount: 0x20_0000, minimumLevel: .pageDirectory,
          allocator: &machine.allocator
        ) { (cursor, allocator) throws(PageTableError) in
          if isRemap {
            try cursor.remap(&child, allocator: &allocator)
          } else {
            try cursor.map(&child, allocator: &allocator)
          }
        }
      }
    }
    let isKept = !child.isNone
    #expect(isKept)
    #expect(other.allocator.metadata.ownership(of: frame) == .shared(1))
    machine.check()
    child = .none
    #expect(other.allocator.metadata.ownership(of: frame) == .unused)
  }

  @Test("A table that was unlinked stays unlinked")
  func strayTable() throws {
    var machine = try AddressSpaceTests.Machine()
    try machine.user.map(
      linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.user.map(
      linear(0x20_0000), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    var child = Child<UserPaging>.none
    try machine.user.withCursor(
      linear(0), byteCount: 0x40_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      let fragment = try cursor.takeNext(byteCount: 0x20_0000, allocator: &allocator)
      guard case .some(.table(_, _, let node, _)) = consume fragment else {
        Issue.record("no table came out")
        return
      }
      child = .table(node)
    }
    guard case .table(let table, _) = child.reference else {
      Issue.record("no table came out")
      return
    }
    #expect(throws: EntryError.stray(nodeAddress: table.address)) {
      try machine.user.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
    }
    let isKept = !child.isNone
    #expect(isKept)
    machine.check(handles: [table.frame: 1])
  }

  @Test("A cursor gives no node to an allocator of other memory", arguments: 0..<9)
  func foreignAllocator(operation: Int) throws {
    var machine = try TestMachine()
    var other = try FrameAllocator(byteCount: 1 << 20)
    for address in [0, 0x20_0000] as [UInt64] {
      try machine.table.map(
        linear(address), byteCount: 4096, to: physical(address), properties: Self.plain,
        allocator: &machine.allocator)
    }
    let prepared = try machine.table.prepare(Self.plain)
    try machine.table.withCursor(
      linear(0), byteCount: 0x40_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      // The cursor stands in a table that it has made empty: whatever moves it gives that back.
      _ = try cursor.protectNext(byteCount: 4096, allocator: &allocator) { old in old }
      try cursor.jump(to: linear(0), allocator: &allocator)
      _ = try cursor.takeNext(byteCount: 4096, allocator: &allocator)
      var child = Child<NativePaging>.page(
        PageItem(untracked: physical(0), level: .pageDirectory, properties: Self.plain))
      let rest = cursor.remainingByteCount
      do throws(PageTableError) {
        switch operation {
        case 0: _ = try cursor.findNext(byteCount: rest, allocator: &other)
        case 1: try cursor.jump(to: linear(0x20_0000), allocator: &other)
        case 2: try cursor.map(&child, allocator: &other)
        case 3: try cursor.remap(&child, allocator: &other)
        case 4:
          try cursor.map(byteCount: rest, to: physical(0x1000), prepared, allocator: &other)
        case 5: _ = try cursor.unmap(byteCount: rest, allocator: &other)
        case 6:
          _ = try cursor.protect(
            byteCount: rest, change: PropertyChange(isGlobal: true), allocator: &other)
        case 7: _ = try cursor.takeNext(byteCount: rest, allocator: &other)
        default:
          _ = try cursor.protectNext(byteCount: rest, allocator: &other) { old in old }
        }
        Issue.record("nothing was thrown")
      } catch {
        #expect(error == .foreignAllocator)
      }
      #expect(cursor.linearAddress == linear(0x1000))
      #expect(cursor.contractViolations() == [])
    }
    #expect(other.freeByteCount == 1 << 20)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("A run of pages that ends with an allocator of other memory gives it nothing")
  func foreignRun() throws {
    var machine = try TestMachine()
    var other = try FrameAllocator(byteCount: 1 << 20)
    try machine.table.map(
      linear(511 << 12), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    let prepared = try machine.table.prepare(PageProperties(rights: .read))
    try machine.table.withCursor(
      linear(510 << 12), byteCount: 1 << 22, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      _ = try cursor.takeNext(byteCount: 8192, allocator: &allocator)
      try cursor.jump(to: linear(510 << 12), allocator: &allocator)
      try cursor.map4KiB(to: physical(0x1000), prepared, allocator: &allocator)
      try cursor.map4KiB(to: physical(0x2000), prepared, allocator: &other)
      #expect(throws: PageTableError.foreignAllocator) {
        try cursor.map4KiB(to: physical(0x3000), prepared, allocator: &other)
      }
      #expect(cursor.contractViolations() == [])
    }
    #expect(other.freeByteCount == 1 << 20)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("Frames that have an owner are not freed by their address")
  func ownedFrames() throws {
    var machine = try TestMachine()
    let handle = try machine.allocator.allocateFrame()
    let plain = try machine.allocator.allocate()
    let free = machine.allocator.freeByteCount
    for address in [machine.table.rootAddress, handle.address] {
      #expect(
        throws: FrameAllocationError.inUse(start: address.rawValue, end: address.rawValue + 4096)
      ) { try machine.allocator.free(address) }
    }
    #expect(throws: FrameAllocationError.inUse(start: handle.address.rawValue, end: 0x3000)) {
      try machine.allocator.free(handle.address, byteCount: 0x3000 - handle.address.rawValue)
    }
    #expect(machine.allocator.freeByteCount == free)
    try machine.allocator.free(plain)
    #expect(machine.allocator.freeByteCount == free + 4096)
  }

  @Test("A root that is not in the memory of the tables is not read")
  func otherMemory() throws {
    let machine = try AddressSpaceTests.Machine()
    var larger = try TestMachine(byteCount: 64 << 20)
    _ = try larger.allocator.allocate(byteCount: 48 << 20)
    let high = try PageTable(
      configuration: larger.table.paging, memory: larger.memory.view,
      allocator: &larger.allocator)
    #expect(high.rootAddress.rawValue >= machine.memory.byteCount)
    let snapshot = AccessedDirtySnapshot(of: high.root, in: machine.user.tableMemory)
    #expect(snapshot.words.isEmpty)
    var context = ContractContext(sharedRoot: high.root)
    context.add(machine.kernel)
    let rules = machine.user.contractViolations(
      allocator: machine.allocator, context: context
    ).map { $0.rule }
    #expect(rules == Array(repeating: .ownedSpace, count: 256))
  }
}
