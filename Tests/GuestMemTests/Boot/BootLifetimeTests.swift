// The owners of a boot table, and what its contracts catch.

import MMU
import Testing

@testable import GuestMem

@Suite("The last owner of a boot table frees its own tables and none of the firmware's")
struct BootLifetimeTests {
  /// A machine with a few of everything: copies, splits, new tables, granted rights.
  static func changed(_ layout: FirmwareLayout) throws -> BootMachine {
    var machine = try BootMachine(layout)
    try machine.table.map(
      linear(0x7000_0000_0000), byteCount: 0x40_2000, to: physical(0x20_0000),
      properties: PageProperties(rights: [.read, .write]), allocator: &machine.allocator)
    try machine.table.protect(
      linear(0), change: PropertyChange(rights: [.read, .write, .execute], isUser: true),
      allocator: &machine.allocator)
    return machine
  }

  @Test("In every order of owners", arguments: FirmwareLayout.allCases, 0..<4)
  func everyOrder(layout: FirmwareLayout, order: Int) throws {
    let machine = try Self.changed(layout)
    let all = (machine.memory.byteCount - BootMachine.firmwareByteCount) / 4096
    let root = machine.table.root.frame
    let used = all - machine.allocator.freeFrames
    #expect(used > 5)
    let first = try machine.table.activate()
    let second = try machine.table.activate()
    #expect(first.cr3 == machine.table.rootAddress.rawValue)
    #expect(machine.allocator.metadata.ownership(of: root) == .shared(3))
    var context = ContractContext(completeness: .everyRoot)
    context.handles[root] = 2
    #expect(
      machine.table.contractViolations(allocator: machine.allocator, context: context) == [])
    let memory = machine.memory.view
    let paging = machine.paging
    let before = SeenPage(0, cr3: first.cr3, paging, in: memory)
    // The first and second are processors; the boot code dismisses before, between or after them.
    func check(_ allocator: inout FrameAllocator, isLast: Bool) {
      allocator.collectReturned()
      #expect(allocator.freeFrames == (isLast ? all : all - used))
      if !isLast { #expect(SeenPage(0, cr3: root << 12, paging, in: memory) == before) }
    }
    let (bytes, allocator) = machine.dismissed(first, second, order: order, check: check)
    #expect(bytes == 0)
    #expect(allocator == all)
  }

  @Test("Two boot tables over the same firmware do not touch each other")
  func twoTables() throws {
    var machine = try Self.changed(.higherHalf)
    let free = machine.allocator.freeFrames
    var other = try BootPageTable(
      adopting: machine.firmwareRoot, configuration: machine.paging, memory: machine.memory.view,
      allocator: &machine.allocator)
    let before = machine.seen(0x20_0000)
    try other.protect(
      linear(0x20_0000), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    #expect(machine.seen(0x20_0000) == before)
    // A boot table is nothing that another could adopt.
    #expect(
      throws: AdoptionError.tableIsNode(
        address: other.root.address, level: .pageMapLevel4, linearAddress: 0)
    ) {
      _ = try BootPageTable(
        adopting: other.root.address, configuration: machine.paging, memory: machine.memory.view,
        allocator: &machine.allocator)
    }
    other.dismiss(allocator: &machine.allocator)
    #expect(machine.allocator.freeFrames == free)
    #expect(machine.seen(0x20_0000) == before)
    #expect(machine.violations == [])
  }

  @Test("One that begins empty is an ordinary table with all contracts")
  func empty() throws {
    let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    for levels in [Level.pageMapLevel4, .pageMapLevel5] {
      var allocator = try FrameAllocator(byteCount: memory.byteCount)
      let paging = try PagingConfiguration(rootLevel: levels, physicalAddressWidth: 46)
      var table = try BootPageTable(
        configuration: paging, memory: memory.view, allocator: &allocator)
      try table.map(
        linear(0xffff_ffff_8000_0000), byteCount: 0x20_1000, to: physical(0),
        properties: PageProperties(rights: [.read, .execute], isUser: true), allocator: &allocator)
      try table.protect(
        linear(0xffff_ffff_8000_3000), change: PropertyChange(rights: [.read, .write]),
        allocator: &allocator)
      #expect(table.adoptedRoot == nil)
      #expect(
        table.contractViolations(
          allocator: allocator, context: ContractContext(completeness: .everyRoot)) == [])
      // Judged as words of this module's own.
      memory.view.orWord(1 << 8, at: physical(table.root.address | 511 << 3))
      let found = table.contractViolations(allocator: allocator)
      #expect(found.map(\.rule) == [.codec])
      table.dismiss(allocator: &allocator)
      #expect(allocator.freeFrames == 1024)
    }
  }

  @Test("Contracts of the own part catch what a bug leaves behind", arguments: 0..<7)
  func mutants(number: Int) throws {
    let machine = try Self.changed(.identity2MiB)
    let tables = machine.table.tableMemory
    let view = machine.memory.view
    let (table, index, _) = tables.deciding(0x7000_0040_0000, from: machine.table.root)
    let frame = table.frame
    var state = tables.metadata.nodeState(of: frame)
    let rule: ContractRule
    switch number {
    case 0:
      state.presentCount += 1
      tables.metadata.setNodeState(state, of: frame)
      rule = .presentCount
    case 1:
      state = state.locked(by: .current)
      tables.metadata.setNodeState(state, of: frame)
      rule = .othersUnlocked
    case 2:
      state.isStray = true
      tables.metadata.setNodeState(state, of: frame)
      rule = .stray
    case 3:
      tables.metadata.setNodeState(
        NodeState(level: .pageDirectory, presentCount: state.presentCount), of: frame)
      rule = .levelChain
    case 4:
      tables.metadata.setOwnership(.shared(2), of: frame)
      rule = .nodeOwners
    case 5:
      // The root's entry again, in another place: two ways to the same tables.
      let word = tables.memory.entry(machine.table.root, 224)
      view.storeWord(word, at: physical(machine.table.root.address | 300 << 3))
      rule = .tree
    default:
      // No adopted word that is not present is ever copied.
      view.storeWord(0xf0, at: physical(table.address | UInt64(index + 200) << 3))
      rule = .nothingElse
    }
    #expect(machine.violations.map(\.rule).contains(rule), "\(machine.violations)")
  }
}

extension BootMachine {
  /// Gives the owners up in one of the orders; answers how many bytes of the firmware changed and
  /// how many frames are free then.
  consuming func dismissed(
    _ first: consuming RootActivation<NativePaging>,
    _ second: consuming RootActivation<NativePaging>, order: Int,
    check: (inout FrameAllocator, Bool) -> Void
  ) -> (Int, UInt64) {
    let before = firmware
    let memory = memory
    var allocator = allocator
    let table = table
    switch order {
    case 0:
      table.dismiss(allocator: &allocator)
      check(&allocator, false)
      end(first)
      check(&allocator, false)
      end(second)
    case 1:
      end(first)
      check(&allocator, false)
      table.dismiss(allocator: &allocator)
      check(&allocator, false)
      end(second)
    case 2:
      end(second)
      end(first)
      check(&allocator, false)
      table.dismiss(allocator: &allocator)
    default:
      end(second)
      table.dismiss(allocator: &allocator)
      check(&allocator, false)
      end(first)
    }
    check(&allocator, true)
    let now = memory.view.readBytes(at: physical(0), count: before.count) ?? []
    return (zip(now, before).count { $0 != $1 }, allocator.freeFrames)
  }
}

/// A processor that no longer runs on a root.
private func end(_ activation: consuming RootActivation<NativePaging>) {
  _ = consume activation
}
