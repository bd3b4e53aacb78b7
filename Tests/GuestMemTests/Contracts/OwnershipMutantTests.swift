// Mutants of owners, halves, cursors and guards: each is caught by the rule that is meant for it.

import MMU
import Testing

@testable import GuestMem

/// A broken variant: what a bug would have done to a kernel's and a user's table.
struct OwnershipMutant: Sendable {
  let name: String
  let rule: ContractRule
  let damage: @Sendable (inout AddressSpaceTests.Machine, Frames) -> Void

  /// The frames that the user's pages own.
  struct Frames {
    var small: UInt64
    var large: UInt64
  }

  init(
    _ name: String, _ rule: ContractRule,
    _ damage: @escaping @Sendable (inout AddressSpaceTests.Machine, Frames) -> Void
  ) {
    self.name = name
    self.rule = rule
    self.damage = damage
  }
}

@Suite("Every broken owner, half, cursor and guard is caught by its rule")
struct OwnershipMutantTests {
  static let mutants: [OwnershipMutant] = [
    OwnershipMutant("a user's root misses a kernel entry", .ownedSpace) { machine, _ in
      machine.memory.view.storeWord(0, at: physical(machine.user.root.address | 300 << 3))
    },
    OwnershipMutant("a user's root has another kernel entry", .ownedSpace) { machine, _ in
      machine.memory.view.orWord(
        1 << 63, at: physical(machine.user.root.address | 256 << 3))
    },
    OwnershipMutant("a kernel's table maps in the user's half", .ownedSpace) { machine, _ in
      machine.memory.view.storeWord(1, at: physical(machine.kernel.root.address))
    },
    OwnershipMutant("unmap removes a kernel's anchor", .kernelAnchor) { machine, _ in
      machine.memory.view.storeWord(0, at: physical(machine.kernel.root.address | 511 << 3))
    },
    OwnershipMutant("unmap drops the owner of a page that stays", .frameOwners) {
      machine, frames in
      machine.allocator.metadata.setOwnership(.unused, of: frames.small)
    },
    OwnershipMutant("split drops the owner of a piece", .subFrames) { machine, frames in
      machine.allocator.metadata.setOwnership(.busy, of: frames.large + 511)
    },
    OwnershipMutant("map adds an owner too many", .accounting) { machine, frames in
      machine.allocator.metadata.setOwnership(.shared(2), of: frames.small)
    },
    OwnershipMutant("split counts the first frame twice", .accounting) { machine, frames in
      machine.allocator.metadata.setOwnership(.shared(2), of: frames.large)
    },
    OwnershipMutant("clone maps the frame of a single owner", .uniqueness) { machine, frames in
      machine.allocator.metadata.setOwnership(.unique, of: frames.small)
    },
    OwnershipMutant("destroy frees a root that others own", .nodeOwners) { machine, _ in
      machine.allocator.metadata.setOwnership(.unused, of: machine.user.root.frame)
    },
    OwnershipMutant("activation counts no owner", .nodeOwners) { machine, _ in
      machine.allocator.metadata.setOwnership(.shared(3), of: machine.user.root.frame)
    },
    OwnershipMutant("unmap lets a node go without its table", .leak) { machine, _ in
      let root = physical(machine.user.root.address)
      machine.memory.view.storeWord(0, at: root)
    },
  ]

  @Test("Each of the mutants", arguments: 0..<mutants.count)
  func caught(number: Int) throws {
    let mutant = Self.mutants[number]
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    let frames = OwnershipMutant.Frames(
      small: try tests.mapTracked(&machine, at: 0x1000, size: .size4KiB),
      large: try tests.mapTracked(&machine, at: 0x20_0000, size: .size2MiB))
    #expect(machine.violations() == [], "the real one is right")
    mutant.damage(&machine, frames)
    let rules = Set(machine.violations().map { $0.rule })
    #expect(rules.contains(mutant.rule), "\(mutant.name): caught by \(rules)")
  }

  @Test("A cursor whose path was unlocked, unlinked, or leads elsewhere")
  func cursors() throws {
    let expected: [ContractRule] = [
      .pathLocked, .stray, .cursor, .cursor, .presentCount, .pathLocked, .pathLocked,
    ]
    for (number, rule) in expected.enumerated() {
      var machine = try TestMachine()
      let view = machine.memory.view
      let prepared = try machine.table.prepare(PageProperties(rights: .read))
      var rules: Set<ContractRule> = []
      var context = ContractContext()
      let tables = machine.table.tableMemory
      let root = machine.table.root
      try machine.table.withCursor(
        linear(0), byteCount: 1 << 30, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        for page in 0..<3 as Range<UInt64> {
          try cursor.map4KiB(to: physical(page << 12), prepared, allocator: &allocator)
        }
        #expect(cursor.contractViolations() == [])
        context.add(cursor)
        #expect(
          ContractChecker.violations(
            of: [root], in: tables, allocator: allocator, context: context) == [])
        let frame = cursor.table.frame
        let real = allocator.metadata.nodeState(of: frame)
        var state = real
        let parent = physical(cursor.path[1].address)
        let link = view.loadWord(at: parent) ?? 0
        switch number {
        case 0: state = state.unlocked
        case 1: state.isStray = true
        case 2: state = NodeState(rawValue: real.rawValue & ~0x1c | 2 << 2)
        case 3: view.storeWord(link + 0x1000, at: parent)
        case 5: state = state.unlocked.locked(by: ThreadIdentifier(rawValue: 1))
        case 6: state = NodeState(rawValue: state.unlocked.rawValue | 1)
        default: state.presentCount += 1
        }
        allocator.metadata.setNodeState(state, of: frame)
        rules = Set(cursor.contractViolations().map { $0.rule })
        allocator.metadata.setNodeState(real, of: frame)
        view.storeWord(link, at: parent)
      }
      #expect(rules.contains(rule), "\(number): \(rules)")
    }
  }

  @Test("A guard whose lock was released or has no holder, or whose node is of another level")
  func guards() throws {
    var machine = try TestMachine()
    let root = machine.table.root.frame
    for damage in 0..<6 {
      try machine.table.withRoot(allocator: &machine.allocator) {
        (node, allocator) throws(EntryError) in
        #expect(node.contractViolations() == [])
        let real = allocator.metadata.nodeState(of: root)
        var state = real
        switch damage {
        case 0: state = state.unlocked
        case 1: state = NodeState(rawValue: state.rawValue & ~0x1c | 3 << 2)
        case 2: state = NodeState(rawValue: state.unlocked.rawValue | 1)
        case 3: state.rawValue |= 2 << 26  // Nobody waits at the first place.
        case 4: state.rawValue |= 1 << 5  // A lock without order has served somebody in order.
        default: state.rawValue |= 1 << 26  // Somebody waits for a lock without order.
        }
        allocator.metadata.setNodeState(state, of: root)
        #expect(node.contractViolations().map { $0.rule } == [.guardRelation])
        allocator.metadata.setNodeState(real, of: root)
      }
    }
  }

  @Test("A walk that finds an address twice, or one that no table translates")
  func view() throws {
    let machine = try TestMachine()
    let last: UInt64 = 1 << 48 - 1
    for (ranges, isRight) in [
      ([0...4095, 4096...8191, last - 4095...last], true), ([0...8191, 4096...8191], false),
      ([last - 4095...last + 1], false),
    ] as [([ClosedRange<UInt64>], Bool)] {
      var checker = ContractChecker(
        tables: machine.table.tableMemory, context: ContractContext())
      checker.mapped = ranges
      checker.checkView(machine.table.root)
      #expect(checker.violations.map { $0.rule } == (isRight ? [] : [.view]))
    }
  }

  @Test("A leaf that loses its dirty bit without being changed")
  func dirtyBit() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0),
      properties: PageProperties(rights: [.read, .write], isAccessed: true, isDirty: true),
      allocator: &machine.allocator)
    let before = AccessedDirtySnapshot(
      of: machine.table.root, in: machine.table.tableMemory)
    let (table, index, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
    machine.memory.view.andWord(~0x40, at: physical(table.address | UInt64(index) << 3))
    let after = AccessedDirtySnapshot(
      of: machine.table.root, in: machine.table.tableMemory)
    #expect(after.lost(since: before).map { $0.rule } == [.accessedDirty])
  }
}
