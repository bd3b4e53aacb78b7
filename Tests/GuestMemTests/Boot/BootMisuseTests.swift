// Boot tables that are asked for what makes no sense.

import MMU
import Testing

@testable import GuestMem

@Suite("A boot table refuses by name what makes no sense")
struct BootMisuseTests {
  @Test("Arguments that make no sense are refused by name")
  func misuse() throws {
    var machine = try BootMachine(.malformed)
    let before = machine.everyByte
    func refuses(
      _ id: String, _ change: (inout BootMachine) throws(PageTableError) -> Void
    ) {
      do throws(PageTableError) {
        try change(&machine)
        Issue.record("\(id) was not refused")
      } catch {
        #expect(error.id == id, "\(error)")
      }
    }
    func map(
      _ address: UInt64, _ byteCount: UInt64 = 4096, to target: UInt64 = 0,
      _ properties: PageProperties = plain, _ sizes: PageSizeChoice = .largest
    ) -> (inout BootMachine) throws(PageTableError) -> Void {
      { (machine) throws(PageTableError) in
        try machine.table.map(
          linear(address), byteCount: byteCount, to: physical(target), properties: properties,
          pageSizes: sizes, allocator: &machine.allocator)
      }
    }
    func protect(
      _ address: UInt64, _ byteCount: UInt64 = 4096,
      _ change: PropertyChange = PropertyChange(rights: .read)
    ) -> (inout BootMachine) throws(PageTableError) -> Void {
      { (machine) throws(PageTableError) in
        try machine.table.protect(
          linear(address), byteCount: byteCount, change: change, allocator: &machine.allocator)
      }
    }
    let free: UInt64 = 0x6000_0000_0000
    refuses("misaligned-linear-address", map(free + 1))
    refuses("misaligned-linear-address", protect(0x800))
    refuses("misaligned-byte-count", map(free, 100))
    refuses("empty-range", map(free, 0))
    refuses("empty-range", protect(0, 0))
    refuses("misaligned-physical-address", map(free, to: 7))
    refuses(
      "misaligned-physical-address", map(free, 1 << 21, to: 0x1000, plain, .exactly(.size2MiB)))
    refuses("not-canonical", map(1 << 47))
    refuses("not-canonical", protect(1 << 55))
    refuses("range-not-canonical", map((1 << 47) - 4096, 8192))
    refuses("range-not-canonical", protect(0 &- 4096, 8192))
    refuses("physical-address-too-wide", map(free, to: 1 << 46))
    refuses("no-rights", map(free, to: 0, PageProperties(rights: [])))
    refuses("unreadable", map(free, to: 0, PageProperties(rights: .write)))
    refuses("protection-key-too-large", protect(0, 4096, PropertyChange(protectionKey: 16)))
    refuses("already-mapped", map(0))
    refuses("already-mapped", map(0x80_0000, 1 << 21, to: 0, plain, .exactly(.size2MiB)))
    refuses("already-mapped", map(0x80_1000))
    refuses("not-mapped", protect(free))
    refuses("not-mapped", protect(0x80_1000, 8192))
    // What the processor refuses: PS at level 4, wide addresses, low address bits of large pages.
    for address in [1 << 39, 3 << 39, 1 << 30, 2 << 30, 0x20_0000, 0x40_0000, 0x80_0000] as [UInt64]
    {
      refuses("invalid-entry", map(address))
      refuses("invalid-entry", protect(address))
      let found = machine.table.translate(linear(address))
      #expect(found == nil)
    }
    // Tables where no memory is.
    for address in [2 << 39, 3 << 30, 0x60_0000] as [UInt64] {
      refuses("no-memory", map(address))
      refuses("no-memory", protect(address))
      let found = machine.table.translate(linear(address))
      #expect(found == nil)
    }
    var other = try FrameAllocator(byteCount: machine.memory.byteCount)
    #expect(throws: PageTableError.foreignAllocator) {
      try machine.table.map(
        linear(free), to: physical(0), properties: plain, allocator: &other)
    }
    #expect(throws: PageTableError.foreignAllocator) {
      try machine.table.protect(
        linear(0), change: PropertyChange(rights: .read), allocator: &other)
    }
    var large = try FrameAllocator(byteCount: machine.memory.byteCount + 4096)
    let view = machine.memory.view
    #expect(throws: AdoptionError.refused(.foreignAllocator)) {
      _ = try BootPageTable(
        adopting: 0x10_0000, configuration: machine.paging, memory: view, allocator: &large)
    }
    #expect(throws: AdoptionError.rootOutsideMemory(machine.memory.byteCount)) {
      _ = try BootPageTable(
        adopting: machine.memory.byteCount | 0xfff, configuration: machine.paging, memory: view,
        allocator: &other)
    }
    #expect(machine.everyByte == before)
    #expect(machine.violations == [])
  }
}

/// Plain data.
private let plain = PageProperties(rights: [.read, .write])
