// Rules of the checker that nothing else catches, each by the one thing that breaks it.

import MMU
import Testing

@testable import GuestMem

@Suite("Each of these mistakes is caught by one rule alone")
struct CheckerRuleTests {
  static let plain = PageProperties(rights: [.read, .write])

  /// The rules that a table violates after `damage`.
  static func rules(
    supports1GiBPages: Bool = true, _ damage: (inout TestMachine) throws -> ContractContext
  ) throws -> [ContractRule] {
    var machine = try TestMachine(supports1GiBPages: supports1GiBPages)
    try machine.table.map(
      linear(0), byteCount: 0x2000, to: physical(0x10_0000), properties: plain,
      allocator: &machine.allocator)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
    let context = try damage(&machine)
    return machine.table.contractViolations(
      allocator: machine.allocator, context: context
    ).map { $0.rule }
  }

  static func word(_ machine: borrowing TestMachine, _ address: UInt64) -> UInt64 {
    let (table, index, _) = machine.table.tableMemory.deciding(address, from: machine.table.root)
    return table.address | UInt64(index) << 3
  }

  @Test("A leaf above the highest level that has leaves")
  func highLeaf() throws {
    let found = try Self.rules(supports1GiBPages: false) { machine in
      // 1 GiB where the processor has none.
      let root = machine.memory.view.loadWord(at: physical(machine.table.root.address)) ?? 0
      machine.memory.view.storeWord(
        0x4000_0000 | 0x83 | 1 << 63, at: physical((root & EntryBits.address) + 8))
      let table = TableFrame(validated: root & EntryBits.address)
      var state = machine.allocator.metadata.nodeState(of: table.frame)
      state.presentCount += 1
      machine.allocator.metadata.setNodeState(state, of: table.frame)
      return ContractContext()
    }
    #expect(found == [.geometry])
  }

  @Test("A node that an owning page maps as well")
  func mappedNode() throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    let frame = try tests.mapTracked(&machine, at: 0x1000, size: .size4KiB)
    let (table, index, _) = machine.user.tableMemory.deciding(0x1000, from: machine.user.root)
    // The page moves to the frame of its own table, which counts the owner.
    let word = machine.user.tableMemory.memory.entry(table, index)
    machine.memory.view.storeWord(
      word & ~EntryBits.address | table.address, at: physical(table.address | UInt64(index) << 3))
    machine.allocator.metadata.setOwnership(.shared(2), of: table.frame)
    machine.allocator.metadata.setOwnership(.unused, of: frame)
    #expect(Set(machine.violations().map { $0.rule }) == [.frameState])
  }

  @Test("A node that nothing links to, locked while nobody says so")
  func unlinkedLocked() throws {
    var machine = try TestMachine()
    let node = try NodeHandle<NativePaging>(
      level: .pageTable, tables: machine.table.tableMemory, allocator: &machine.allocator)
    let frame = node.table.frame
    var context = ContractContext(handles: [frame: 1])
    func rules(_ machine: borrowing TestMachine, _ context: ContractContext) -> [ContractRule] {
      machine.table.contractViolations(
        allocator: machine.allocator, context: context
      ).map { $0.rule }
    }
    #expect(rules(machine, context) == [])
    let guarded = try node.lock()
    #expect(rules(machine, context) == [.othersUnlocked])
    context.lockedFrames = [frame]
    #expect(rules(machine, context) == [])
    _ = consume guarded
    // A lock that makes no sense, held and free.
    let real = machine.allocator.metadata.nodeState(of: frame)
    context.lockedFrames = []
    for (state, expected) in [
      (NodeState(rawValue: real.rawValue | 1 << 26), ContractRule.othersUnlocked),
      (NodeState(rawValue: real.locked(by: .current).rawValue | 1 << 26), .guardRelation),
    ] {
      if expected == .guardRelation { context.lockedFrames = [frame] }
      machine.allocator.metadata.setNodeState(state, of: frame)
      #expect(rules(machine, context) == [expected])
    }
    machine.allocator.metadata.setNodeState(real, of: frame)
  }

  @Test("An entry that links a root, its own or another one's")
  func linkedRoot() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 0x1000, to: physical(0x10_0000), properties: Self.plain,
      allocator: &machine.allocator)
    let (table, _, _) = machine.table.tableMemory.deciding(0x20_0000, from: machine.table.root)
    let free = physical(table.address | 5 << 3)
    machine.memory.view.storeWord(machine.table.root.address | 3, at: free)
    let own = machine.table.contractViolations(allocator: machine.allocator)
    #expect(own.contains { $0.rule == .tree && $0.detail == "an entry links a root" })
    machine.memory.view.storeWord(0, at: free)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
    // Another table's root, as a node of a lower level.
    let other = try PageTable(
      configuration: machine.table.paging, memory: machine.memory.view,
      allocator: &machine.allocator)
    machine.memory.view.storeWord(other.root.address | 3, at: free)
    let found = ContractChecker<NativePaging>.violations(
      of: [machine.table.root, other.root], in: machine.table.tableMemory,
      allocator: machine.allocator)
    #expect(found.contains { $0.rule == .tree && $0.frame == other.root.frame })
    machine.memory.view.storeWord(0, at: free)
    other.destroy(allocator: &machine.allocator)
  }

  @Test("A or D that goes from an entry which is otherwise the same, and nothing else")
  func lostBits() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 0x3000, to: physical(0),
      properties: PageProperties(rights: [.read, .write], isAccessed: true, isDirty: true),
      allocator: &machine.allocator)
    func snapshot(_ machine: borrowing TestMachine) -> AccessedDirtySnapshot<NativePaging> {
      AccessedDirtySnapshot(of: machine.table.root, in: machine.table.tableMemory)
    }
    let before = snapshot(machine)
    let leaf = Self.word(machine, 0x1000)
    let link = machine.table.root.address
    machine.memory.view.orWord(0x20, at: physical(link))
    let used = snapshot(machine)
    #expect(used.lost(since: before).isEmpty && used.words.count == 6)
    for (address, bits, isLost) in [
      (leaf, 0x20, true), (leaf, 0x40, true), (leaf, 0x60, true), (link, 0x20, true),
      // Another change comes with it: software wrote the entry.
      (leaf, 0x22, false), (leaf, 0x41, false), (leaf, 0x1020, false), (leaf, 2, false),
      (leaf, 0x200, false),
    ] as [(UInt64, UInt64, Bool)] {
      let word = machine.memory.view.loadWord(at: physical(address)) ?? 0
      machine.memory.view.storeWord(word ^ bits, at: physical(address))
      let lost = snapshot(machine).lost(since: used)
      #expect(lost.map { $0.rule } == (isLost ? [.accessedDirty] : []), "\(bits)")
      if isLost { #expect(lost.first?.frame == address >> 12 && lost.first?.word == word ^ bits) }
      // What comes is no loss.
      machine.memory.view.storeWord(word, at: physical(address))
      #expect(snapshot(machine).lost(since: used).isEmpty)
    }
    // An entry that went whole is not one that lost its bits.
    try machine.table.unmap(linear(0), byteCount: 0x1000, allocator: &machine.allocator)
    #expect(snapshot(machine).lost(since: used).isEmpty)
  }
}
