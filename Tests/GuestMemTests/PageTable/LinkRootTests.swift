// The recursive slot: what is written, what the contracts say of it, and what works beside it.

import MMU
import Testing

@testable import GuestMem

@Suite("A recursive slot leads to the root, and only the one that was asked for may")
struct LinkRootTests {
  static let rights: [PageRights] = [
    [.read], [.read, .write], [.read, .execute], [.read, .write, .execute],
  ]
  static let levels: [Level] = [.pageMapLevel4, .pageMapLevel5]

  /// A table with two pages, one of them for CPL 3.
  static func machine(
    _ level: Level = .pageMapLevel4, isNoExecuteEnabled: Bool = true
  ) throws -> TestMachine {
    var machine = try TestMachine(levels: level, isNoExecuteEnabled: isNoExecuteEnabled)
    try machine.table.map(
      linear(0x1000), byteCount: 0x1000, to: physical(0x10_0000),
      properties: PageProperties(rights: [.read, .write, .execute], isUser: true),
      allocator: &machine.allocator)
    try machine.table.map(
      linear(0xffff_ffff_ffe0_0000), byteCount: 2 << 20, to: physical(0x20_0000),
      properties: PageProperties(rights: [.read, .execute]), allocator: &machine.allocator)
    return machine
  }

  static func place(_ machine: borrowing TestMachine, _ index: Int) -> GuestPhysicalAddress {
    physical(machine.table.root.address + UInt64(index) * 8)
  }

  static func violations(
    _ machine: borrowing TestMachine, _ slot: RecursiveSlot?
  ) -> [ContractViolation] {
    var context = ContractContext()
    context.recursiveSlot = slot
    return machine.table.contractViolations(allocator: machine.allocator, context: context)
  }

  @Test("Every free entry with all rights: one word is written, and every contract holds")
  func everyEntry() throws {
    for level in Self.levels {
      for index in 1..<511 {
        for rights in Self.rights {
          var machine = try Self.machine(level)
          let slot = RecursiveSlot(index: index, rights: rights)
          var words = machine.memory.view.readWords(
            at: physical(machine.table.root.address), count: 512)
          try machine.table.linkRoot(slot)
          words?[index] =
            machine.table.root.address | 1 | (rights.contains(.write) ? 2 : 0)
            | (rights.contains(.execute) ? 0 : 1 << 63)
          #expect(
            machine.memory.view.readWords(at: physical(machine.table.root.address), count: 512)
              == words)
          #expect(Self.violations(machine, slot) == [])
        }
        // All rights for some of the indices are enough for the slower second half of the test.
        guard index % 73 == 0 else { continue }
        var machine = try Self.machine(level)
        try machine.table.linkRoot(RecursiveSlot(index: index))
        #expect(Set(Self.violations(machine, nil).map(\.rule)).contains(.tree))
      }
    }
  }

  @Test("Each bit of the entry counts but for A and D", arguments: LinkRootTests.levels)
  func everyBit(_ level: Level) throws {
    var machine = try Self.machine(level)
    let slot = RecursiveSlot(index: 300, rights: [.read])
    try machine.table.linkRoot(slot)
    let place = Self.place(machine, 300)
    let word = try #require(machine.memory.view.loadWord(at: place))
    for bit in 0..<64 {
      machine.memory.view.storeWord(word ^ 1 << UInt64(bit), at: place)
      let rules = Self.violations(machine, slot).map(\.rule)
      // Without P the entry is counted no more as well.
      var expected: [ContractRule] = bit == 5 || bit == 6 ? [] : [.recursiveSlot]
      if bit == 0 { expected.insert(.presentCount, at: 0) }
      #expect(rules == expected, "bit \(bit)")
    }
    machine.memory.view.storeWord(word, at: place)
    #expect(Self.violations(machine, RecursiveSlot(index: 300)).map(\.rule) == [.recursiveSlot])
    #expect(Self.violations(machine, slot) == [])
  }

  @Test("Another entry that leads to the root, or to a table of another level, is none")
  func otherEntries() throws {
    var machine = try Self.machine()
    let slot = RecursiveSlot(index: 510)
    try machine.table.linkRoot(slot)
    let own = try #require(machine.memory.view.loadWord(at: Self.place(machine, 510)))
    for index in [1, 255, 256, 509] {
      machine.memory.view.storeWord(own, at: Self.place(machine, index))
      let rules = Set(Self.violations(machine, slot).map(\.rule))
      #expect(rules.isSuperset(of: [.levelChain, .tree]), "\(index): \(rules)")
      machine.memory.view.storeWord(0, at: Self.place(machine, index))
    }
    // The slot of a table further down is no slot.
    let lower = try #require(machine.memory.view.loadWord(at: Self.place(machine, 0)))
    machine.memory.view.storeWord(own, at: physical(lower & EntryBits.address + 8 * 510))
    #expect(Set(Self.violations(machine, slot).map(\.rule)).contains(.levelChain))
    machine.memory.view.storeWord(0, at: physical(lower & EntryBits.address + 8 * 510))
    #expect(Self.violations(machine, slot) == [])
  }

  @Test("D in a link is what a write through the slot leaves, and a mistake without a slot")
  func dirtyLinks() throws {
    var machine = try Self.machine()
    let place = Self.place(machine, 0)
    let word = try #require(machine.memory.view.loadWord(at: place))
    machine.memory.view.storeWord(word | EntryBits.dirty, at: place)
    #expect(Self.violations(machine, nil).map(\.rule) == [.codec])
    let slot = RecursiveSlot(index: 510)
    try machine.table.linkRoot(slot)
    #expect(Self.violations(machine, slot) == [])
    machine.memory.view.storeWord(word | EntryBits.global, at: place)
    #expect(Self.violations(machine, slot).map(\.rule) == [.codec])
  }

  @Test("What cannot be is refused by its name, and nothing has changed")
  func refusals() throws {
    let cases: [(RecursiveSlot, PageTableError)] = [
      (RecursiveSlot(index: -1), .noSuchRootEntry(-1)),
      (RecursiveSlot(index: 512), .noSuchRootEntry(512)),
      (RecursiveSlot(index: .max), .noSuchRootEntry(.max)),
      (RecursiveSlot(index: .min), .noSuchRootEntry(.min)),
      (RecursiveSlot(index: 510, rights: []), .noRights(0xffff_ff00_0000_0000)),
      (RecursiveSlot(index: 5, rights: .write), .unreadable(.write)),
      (RecursiveSlot(index: 5, rights: [.read]), .noExecuteUnavailable),
    ]
    for (slot, error) in cases {
      var machine = try Self.machine(isNoExecuteEnabled: error != .noExecuteUnavailable)
      let before = machine.bytes
      #expect(throws: error) { try machine.table.linkRoot(slot) }
      #expect(machine.bytes == before && Self.violations(machine, nil) == [])
      #expect(!error.message.isEmpty && !error.hint.isEmpty && !error.id.isEmpty)
    }
    var machine = try Self.machine()
    let entry = try #require(machine.memory.view.loadWord(at: Self.place(machine, 0)))
    let taken = PageTableError.alreadyMapped(linearAddress: 0, level: .pageMapLevel4, entry: entry)
    #expect(throws: taken) { try machine.table.linkRoot(RecursiveSlot(index: 0)) }
    try machine.table.linkRoot(RecursiveSlot(index: 7))
    #expect(throws: PageTableError.self) { try machine.table.linkRoot(RecursiveSlot(index: 7)) }
    #expect(Self.violations(machine, RecursiveSlot(index: 7)) == [])
  }

  @Test("Operations below the slot are refused, and the slot goes when its whole range goes")
  func operationsBelow() throws {
    var machine = try Self.machine()
    let slot = RecursiveSlot(index: 510)
    try machine.table.linkRoot(slot)
    let range = UInt64(0xffff_ff00_0000_0000)
    let before = machine.bytes
    let plain = PageProperties(rights: [.read, .write])
    // The root's page, the page of a table, and one where no entry is.
    for address in [0xffff_ff7f_bfdf_e000, range, range + 0x5000, range | 0x1f_ffff_f000] {
      #expect(throws: PageTableError.self) {
        try machine.table.map(
          linear(address), byteCount: 0x1000, to: physical(0x30_0000), properties: plain,
          allocator: &machine.allocator)
      }
      #expect(throws: PageTableError.self) {
        _ = try machine.table.unmap(
          linear(address), byteCount: 0x1000, allocator: &machine.allocator)
      }
      #expect(throws: PageTableError.self) {
        _ = try machine.table.protect(
          linear(address), byteCount: 0x1000, change: PropertyChange(rights: .read),
          allocator: &machine.allocator)
      }
    }
    #expect(throws: PageTableError.self) {
      _ = try machine.table.cloneCopyOnWrite(markingWith: 9, allocator: &machine.allocator)
    }
    #expect(machine.bytes == before)
    #expect(Self.violations(machine, slot) == [])
    // Beside it everything works as ever.
    try machine.table.map(
      linear(0x20_0000), byteCount: 0x3000, to: physical(0x30_0000), properties: plain,
      allocator: &machine.allocator)
    #expect(Self.violations(machine, slot) == [])
    _ = try machine.table.unmap(
      linear(range), byteCount: 1 << 39, allocator: &machine.allocator)
    #expect(machine.memory.view.loadWord(at: Self.place(machine, 510)) == 0)
    #expect(Self.violations(machine, nil) == [])
    #expect(try machine.translation(0x20_1000).physicalAddress == physical(0x30_1000))
  }

  @Test("A table with a slot counts and places each table once, and gives all frames back")
  func lifetime() throws {
    for level in Self.levels {
      var machine = try Self.machine(level)
      let tables = machine.table.tableCount
      let leaves = PageSize.allCases.map { machine.table.leafCount(of: $0) }
      let places = machine.table.places
      #expect(UInt64(places.count) == tables && places.first?.level == level)
      #expect(places.first?.physicalAddress == machine.table.rootAddress)
      #expect(Set(places.map(\.physicalAddress)).count == places.count)
      try machine.table.linkRoot(RecursiveSlot(index: 510))
      #expect(machine.table.tableCount == tables)
      #expect(PageSize.allCases.map { machine.table.leafCount(of: $0) } == leaves)
      #expect(machine.table.places == places)
      // The root by way of itself, as often as there are levels.
      let page = try machine.translation(
        level == .pageMapLevel4 ? 0xffff_ff7f_bfdf_e008 : 0xfffe_ff7f_bfdf_e008)
      #expect(page.physicalAddress.rawValue == machine.table.root.address + 8)
      let memory = machine.memory
      var allocator = machine.allocator
      machine.table.destroy(allocator: &allocator)
      #expect(allocator.freeByteCount == memory.byteCount)
    }
  }
}
