// Splits of adopted pages: contracts e.1 number 11, where a split stepped by 4 KiB at every level.

import MMU
import Testing

@testable import GuestMem

@Suite("A page of the firmware is split with the stride of each level")
struct BootSplitTests {
  @Test(
    "All 262,144 pages of a split 1 GiB page lead where they led, with every memory type",
    arguments: 0..<8 as Range<UInt64>, [Level.pageMapLevel4, .pageMapLevel5])
  func oneGiB(gigabyte: UInt64, levels: Level) throws {
    var machine = try BootMachine(.identity1GiB, levels: levels)
    let start = gigabyte << 30
    let target = start | UInt64(0x1f3 - gigabyte) << 21 | (0x0a7 + gigabyte) << 12
    let free = machine.allocator.freeFrames
    try machine.table.protect(
      linear(target), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    // The PDPT, and with 5 levels the PML4, are copied; a PD and a PT are new.
    #expect(free - machine.allocator.freeFrames == UInt64(levels.rawValue) - 1)
    var differences = 0
    var wrongPages = 0
    for page in 0..<262_144 as Range<UInt64> {
      let address = start | page << 12
      var expected = machine.firmwareSeen(address)
      if address == target { expected = expected.with(.read) }
      if machine.seen(address) != expected { differences += 1 }
      // The contract itself, without the model: 2 MiB step at level 2, 4 KiB at level 1.
      let found = machine.table.translate(linear(address))
      if found?.physicalAddress.rawValue != address
        || found?.properties.memoryType
          != PageAttributeTable.type(at: gigabyte)
        || found?.properties.rights != (address == target ? .read : [.read, .write, .execute])
      {
        wrongPages += 1
      }
    }
    #expect(differences == 0)
    #expect(wrongPages == 0)
    #expect(try machine.level(of: target) == .pageTable)
    #expect(try machine.level(of: target ^ 0x1000) == .pageTable)
    #expect(try machine.level(of: target ^ 0x20_0000) == .pageDirectory)
    #expect(try machine.level(of: target ^ 0x4000_0000) == .pageDirectoryPointerTable)
    #expect(machine.changedFirmwareByteCount == 0)
    #expect(machine.violations == [])
  }

  @Test("All 512 pages of each split 2 MiB page keep their bits, odd ones too")
  func twoMiB() throws {
    for entry in 0..<512 as Range<UInt64> where entry % 3 != 2 {
      for directory in [0, 3, 6] as [UInt64] {
        var machine = try BootMachine(.restricted)
        let start = directory << 30 | entry << 21
        let target = start | 0x1f_f000
        try machine.table.protect(
          linear(target), change: PropertyChange(isGlobal: true), allocator: &machine.allocator)
        var differences = 0
        for page in 0..<511 as Range<UInt64> {
          let address = start | page << 12
          if machine.seen(address) != machine.firmwareSeen(address) { differences += 1 }
        }
        #expect(differences == 0, "directory \(directory), entry \(entry)")
        #expect(machine.table.translate(linear(target))?.properties.isGlobal == true)
      }
    }
  }
}

extension BootMachine {
  func level(of address: UInt64) throws -> Level {
    let found = table.translate(linear(address))
    return try #require(found).level
  }
}
