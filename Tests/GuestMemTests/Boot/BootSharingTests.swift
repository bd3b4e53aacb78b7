// Adopted tables that are linked more than once, or by themselves.

import MMU
import Testing

@testable import GuestMem

@Suite("Tables that are linked many times are adopted, and change at one address")
struct BootSharingTests {
  @Test(
    "Every page below 4 GiB of a PD that four entries link is compared after one changes",
    arguments: 0..<4 as Range<UInt64>)
  func sharedDirectory(gigabyte: UInt64) throws {
    var machine = try BootMachine(.sharedDirectory)
    let target = gigabyte << 30 | 0x1234_5000
    try machine.table.protect(
      linear(target), change: PropertyChange(rights: [.read]), allocator: &machine.allocator)
    var differences = 0
    for page in 0..<(1 << 20) as Range<UInt64> {
      var expected = machine.firmwareSeen(page << 12)
      if page << 12 == target { expected = expected.with(.read) }
      if machine.seen(page << 12) != expected { differences += 1 }
    }
    #expect(differences == 0)
    #expect(machine.changedFirmwareByteCount == 0)
  }

  @Test("The entry that links the firmware's root goes on showing the firmware's tables")
  func recursiveEntry() throws {
    var machine = try BootMachine(.recursive)
    let window: UInt64 = 0xffff_ff00_0000_0000
    let before = everyBorder(cr3: machine.firmwareRoot, machine.paging, in: machine.memory.view)
      .filter { $0 >= window }.map { ($0, machine.firmwareSeen($0)) }
    #expect(before.count > 1000)
    try machine.table.protect(
      linear(0x20_0000), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    for (address, page) in before { #expect(machine.seen(address) == page) }
    // A page of the window itself: each of the four tables on the way is the firmware's root.
    let root: UInt64 = 0xffff_ff7f_bfdf_e000
    #expect(machine.table.translate(linear(root))?.physicalAddress.rawValue == machine.firmwareRoot)
    let free = machine.allocator.freeFrames
    try machine.table.protect(
      linear(root), change: PropertyChange(rights: .read), allocator: &machine.allocator)
    #expect(free - machine.allocator.freeFrames == 3)
    for (address, page) in before {
      #expect(machine.seen(address) == (address == root ? page.with(.read) : page))
    }
    #expect(machine.violations == [])
    #expect(machine.changedFirmwareByteCount == 0)
  }

  @Test(
    "Four tables that map the whole space, and a root that links itself everywhere, are adopted")
  func fourTables() throws {
    for isCycle in [false, true] {
      let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
      for level in 0..<4 as Range<UInt64> {
        let next = isCycle ? 0x1000 : 0x1000 + (level + 1) << 12
        for index in 0..<512 as Range<UInt64> {
          memory.view.storeWord(
            next | 7, at: physical(0x1000 + level << 12 | index << 3))
        }
      }
      var allocator = try FrameAllocator(byteCount: memory.byteCount)
      try allocator.reserve(0..<0x1_0000)
      let paging = try PagingConfiguration(physicalAddressWidth: 46)
      var table = try BootPageTable(
        adopting: 0x1000, configuration: paging, memory: memory.view, allocator: &allocator)
      let used = allocator.freeFrames
      try table.protect(
        linear(0x1234_5678_9000), change: PropertyChange(rights: .read), allocator: &allocator)
      #expect(used - allocator.freeFrames == 3)
      // 128 TiB are more pages than all frames could hold tables for: it says so, instead of going
      // through all of them, which would take days.
      #expect(throws: PageTableError.self) {
        try table.protect(
          linear(0), byteCount: 1 << 47, change: PropertyChange(rights: .read),
          allocator: &allocator)
      }
      #expect(used - allocator.freeFrames == 3)
      table.dismiss(allocator: &allocator)
      #expect(allocator.freeFrames == 1024 - 16)
    }
  }
}
