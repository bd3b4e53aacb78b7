// What a fresh guard says about user pages, and what the processor makes of it.

import MMU
import Testing

@testable import GuestMem

@Suite("A fresh guard allows user pages where a processor lets CPL 3 through, and nowhere else")
struct GuardPermissionTests {
  static let supervisor = PageProperties(rights: [.read, .write])
  static let user = PageProperties(rights: [.read, .write], isUser: true)

  /// The ways to a guard of the node below an entry.
  enum Way: CaseIterable { case allocate, split, strictSplit, lockChild }

  /// Puts a user page into the first entry of the node at `address`, and says what came of it.
  static func fill(_ node: inout NodeGuard<NativePaging>) throws(EntryError) {
    try node.withEntry(at: 0) { (entry) throws(EntryError) in
      var page = Child<NativePaging>.page(
        PageItem(untracked: physical(0x5000), level: .pageTable, properties: user))
      try entry.replace(with: &page)
    }
  }

  @Test(
    "Below user and supervisor entries, by every way",
    arguments: Way.allCases, [true, false])
  func guards(_ way: Way, isUser: Bool) throws {
    var machine = try TestMachine()
    // The entries above are user entries where a neighbour is a user page.
    try machine.table.map(
      linear(0x40_0000), byteCount: 4096, to: physical(0),
      properties: isUser ? Self.user : Self.supervisor, allocator: &machine.allocator)
    let isAllowed: Bool
    switch way {
    case .allocate: isAllowed = isUser
    case .lockChild:
      try machine.table.map(
        linear(0), byteCount: 4096, to: physical(0), properties: Self.supervisor,
        pageSizes: .exactly(.size4KiB), allocator: &machine.allocator)
      // A node of supervisor pages is linked by a supervisor entry.
      isAllowed = false
    case .split, .strictSplit:
      try machine.table.map(
        linear(0), byteCount: 2 << 20, to: physical(0),
        properties: isUser ? Self.user : Self.supervisor, pageSizes: .exactly(.size2MiB),
        allocator: &machine.allocator)
      isAllowed = isUser
    }
    try machine.table.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, allocator) throws(EntryError) in
      let found: NodeGuard<NativePaging>? =
        switch way {
        case .allocate: try entry.allocateIfNone(allocator: &allocator)
        case .split: try entry.splitIfLarge(allocator: &allocator)
        case .strictSplit: try entry.splitIfLarge(allocator: &allocator) {}
        case .lockChild: try entry.lockChild()
        }
      guard var node = consume found else {
        Issue.record("there is no node")
        return
      }
      let isRight = node.userPages == (isAllowed ? .allowed : .unreachable)
      #expect(isRight, "\(way) \(isUser)")
      #expect(node.level == .pageTable)
      if isAllowed {
        try Self.fill(&node)
      } else {
        do throws(EntryError) {
          try Self.fill(&node)
          Issue.record("a user page below a supervisor entry")
        } catch {
          #expect(error == .supervisorTable(level: .pageTable))
        }
      }
    }
    // The processor agrees: CPL 3 reaches the page that was put in.
    let walk = Walk(
      0, cr3: machine.table.root.address, configuration: machine.table.paging,
      in: machine.memory.view)
    let isReached =
      walk.translation?.isUser == true && walk.translation?.physicalAddress == physical(0x5000)
    #expect(isReached == isAllowed)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("A node that nothing links to takes user pages, and goes in where they are reached")
  func unlinkedNode() throws {
    var machine = try TestMachine()
    let node = try NodeHandle<NativePaging>(
      level: .pageTable, tables: machine.table.tableMemory, allocator: &machine.allocator)
    do {
      var guarded = try node.lock()
      let isAllowed = guarded.userPages == .allowed
      #expect(isAllowed)
      try Self.fill(&guarded)
    }
    try machine.table.map(
      linear(0x40_0000), byteCount: 4096, to: physical(0), properties: Self.user,
      allocator: &machine.allocator)
    var child = Child<NativePaging>.table(node)
    try machine.table.withEntry(
      for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
    ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
    #expect(try machine.translation(0).properties == Self.user)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }
}
