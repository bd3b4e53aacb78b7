// Adopted tables: a change shows where it was asked for and nowhere else, and they are not written.

import MMU
import Testing

@testable import GuestMem

@Suite("A change of adopted tables shows at the addresses it names and nowhere else")
struct BootAdoptionTests {
  static let every = FirmwareLayout.allCases
  static let bothLevels = [Level.pageMapLevel4, .pageMapLevel5]

  @Test("After adoption every address leads where it led", arguments: every, bothLevels)
  func adoption(layout: FirmwareLayout, levels: Level) throws {
    let machine = try BootMachine(layout, levels: levels)
    let borders = everyBorder(cr3: machine.firmwareRoot, machine.paging, in: machine.memory.view)
    #expect(borders.count > 8)
    for address in borders {
      #expect(machine.seen(address) == machine.firmwareSeen(address))
      machine.expectTranslationOfModel(address)
    }
    #expect(machine.table.rootAddress.rawValue != machine.firmwareRoot)
    #expect(machine.table.adoptedRoot?.address == machine.firmwareRoot)
    #expect(machine.violations == [])
    #expect(machine.changedFirmwareByteCount == 0)
  }

  @Test("One page is protected or mapped at every border in turn", arguments: every, bothLevels)
  func everyPage(layout: FirmwareLayout, levels: Level) throws {
    var machine = try BootMachine(layout, levels: levels, byteCount: 32 << 20)
    let view = machine.memory.view
    let all = everyBorder(cr3: machine.firmwareRoot, machine.paging, in: view)
    var expected: [UInt64: SeenPage] = [:]
    for address in all { expected[address] = machine.firmwareSeen(address) }
    // About a hundred addresses, spread over everything that is mapped or refused.
    let step = max(1, all.count / 97)
    var sample = stride(from: 0, to: all.count, by: step).map { all[$0] }
    sample += all.filter { expected[$0] == .reserved || expected[$0] == .outside }.prefix(40)
    var counts = (protected: 0, mapped: 0, refused: 0)
    for (number, address) in sample.enumerated() {
      let before = machine.seen(address)
      let rights = PageRights(rawValue: [1, 3, 5, 7][number % 4])
      do {
        try machine.table.protect(
          linear(address), change: PropertyChange(rights: rights), allocator: &machine.allocator)
        expected[address] = before.with(rights)
        counts.protected += 1
      } catch PageTableError.notMapped {
        #expect(before == .notPresent)
        let properties = PageProperties(
          rights: rights, isUser: number % 3 == 0, memoryType: .writeCombining)
        try machine.table.map(
          linear(address), to: physical(0x12_3000), properties: properties,
          allocator: &machine.allocator)
        expected[address] = SeenPage(properties, at: 0x12_3000)
        counts.mapped += 1
      } catch {
        #expect(before == .reserved || before == .outside, "\(error)")
        counts.refused += 1
      }
      for (other, page) in expected where machine.seen(other) != page {
        Issue.record(
          """
          after \(String(address, radix: 16)): \(String(other, radix: 16)) shows \
          \(machine.seen(other)), not \(page)
          """)
        return
      }
      if number % 16 == 0 { #expect(machine.violations == []) }
    }
    for address in all { machine.expectTranslationOfModel(address) }
    #expect(machine.changedFirmwareByteCount == 0)
    #expect(machine.violations == [])
    #expect(counts.protected > 8)
    #expect(layout != .malformed || counts.refused > 8)
    #expect(layout != .restricted || counts.mapped > 2)
    // Whoever else runs on the firmware's root sees nothing of all this.
    for address in all where expected[address] == .reserved {
      #expect(machine.firmwareSeen(address) == .reserved)
    }
  }

  @Test("Ranges are mapped with the largest pages and protected across sizes")
  func ranges() throws {
    var machine = try BootMachine(.identity2MiB)
    let properties = PageProperties(rights: [.read, .write], isGlobal: true)
    try machine.table.map(
      linear(4 << 30), byteCount: 1 << 30, to: physical(1 << 30), properties: properties,
      allocator: &machine.allocator)
    try machine.table.map(
      linear(0xffff_ffff_8000_0000), byteCount: 0x40_3000, to: physical(0x20_0000),
      properties: properties, allocator: &machine.allocator)
    #expect(try machine.level(of: 4 << 30) == .pageDirectoryPointerTable)
    #expect(try machine.level(of: 0xffff_ffff_8000_0000) == .pageDirectory)
    #expect(try machine.level(of: 0xffff_ffff_8040_2000) == .pageTable)
    #expect(machine.seen(0xffff_ffff_8040_3000) == .notPresent)
    // From the middle of a page of the firmware to the middle of the new one.
    let start: UInt64 = 4 << 30 - 0x10_0000
    let byteCount: UInt64 = 0x30_1000
    try machine.table.protect(
      linear(start), byteCount: byteCount, change: PropertyChange(rights: [.read, .execute]),
      allocator: &machine.allocator)
    for page in 0..<(5 << 18) as Range<UInt64> {
      let address = page << 12
      var expected =
        address < 4 << 30
        ? machine.firmwareSeen(address) : SeenPage(properties, at: address - 3 << 30)
      if address >= start && address < start + byteCount {
        expected = expected.with([.read, .execute])
      }
      if machine.seen(address) != expected {
        Issue.record("\(String(address, radix: 16)): \(machine.seen(address)), not \(expected)")
        return
      }
    }
    #expect(machine.changedFirmwareByteCount == 0)
    #expect(machine.violations == [])
  }

  @Test("A page without rights keeps its place, and gets rights again")
  func withoutRights() throws {
    var machine = try BootMachine(.restricted)
    let address: UInt64 = 3 << 30
    let before = machine.seen(address)
    try machine.table.protect(
      linear(address), change: PropertyChange(rights: []), allocator: &machine.allocator)
    #expect(machine.seen(address) == .notPresent)
    #expect(machine.table.translate(linear(address))?.properties.rights == [])
    // The entry above denies writes: what it gives to one page it must not take the mark of another by.
    try machine.table.protect(
      linear(address + 4096),
      change: PropertyChange(rights: [.read, .write, .execute], isUser: true),
      allocator: &machine.allocator)
    #expect(machine.table.translate(linear(address))?.properties.rights == [])
    #expect(machine.violations == [])
    try machine.table.protect(
      linear(address), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    #expect(machine.seen(address) == before.with(.read))
  }
}

extension BootMachine {
  /// Compares the answer of the boot table for an address with the model's.
  func expectTranslationOfModel(_ address: UInt64) {
    let found = table.translate(linear(address))
    let walk = Walk(
      address, cr3: table.rootAddress.rawValue, configuration: paging, in: memory.view)
    guard let modelled = walk.translation else {
      #expect(found == nil || found?.properties.rights == [], "\(String(address, radix: 16))")
      return
    }
    #expect(found?.physicalAddress == modelled.physicalAddress)
    #expect(found?.entry == modelled.leaf.rawValue)
    #expect(found?.level == modelled.leaf.level)
  }
}
