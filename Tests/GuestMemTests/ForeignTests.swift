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
      guard case .some(.table(_, _, let node, _)) = consume fragment else { return }
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
}
