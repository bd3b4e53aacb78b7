// Bytes at linear addresses, through the tables of a user.

import MMU
import Testing

@testable import GuestMem

@Suite("Bytes are read and written through tables as a processor would")
struct AddressSpaceBytesTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  @Test("Across pages of two sizes, with accessed and dirty bits")
  func acrossPages() throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    let large = try tests.mapTracked(&machine, at: 0x20_0000, size: .size2MiB)
    let small = try tests.mapTracked(&machine, at: 0x1f_f000, size: .size4KiB)
    let bytes = (0..<8000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try machine.user.writeBytes(bytes, at: linear(0x1f_f800))
    #expect(try machine.user.readBytes(at: linear(0x1f_f800), count: 8000) == bytes)
    let view = machine.memory.view
    #expect(
      view.readBytes(at: physical(small << 12 | 0x800), count: 0x800) == Array(bytes[..<0x800]))
    #expect(view.readBytes(at: physical(large << 12), count: 16) == Array(bytes[0x800..<0x810]))
    for address in [0x1f_f800, 0x20_0000] as [UInt64] {
      let found = machine.user.translate(linear(address))
      #expect(found?.properties.isDirty == true && found?.properties.isAccessed == true)
    }
    #expect(try machine.user.readBytes(at: linear(0), count: 0) == [])
    machine.check()
  }

  @Test("What may not be touched is refused before anything is")
  func refused() throws {
    var machine = try AddressSpaceTests.Machine()
    let tests = AddressSpaceTests()
    _ = try tests.mapTracked(&machine, at: 0x1000, size: .size4KiB)
    let bytes = [UInt8](repeating: 1, count: 0x1001)
    #expect(throws: PageTableError.notMapped(linearAddress: 0x2000)) {
      try machine.user.writeBytes(bytes, at: linear(0x1000))
    }
    #expect(machine.user.translate(linear(0x1000))?.properties.isDirty == false)
    try machine.user.protect(
      linear(0x1000), byteCount: 4096, change: PropertyChange(rights: .read),
      allocator: &machine.allocator)
    #expect(throws: PageTableError.accessDenied(linearAddress: 0x1000, .write)) {
      try machine.user.writeBytes([1], at: linear(0x1000))
    }
    try machine.user.map(
      linear(0x3000), byteCount: 4096, to: physical(1 << 40), properties: Self.plain,
      allocator: &machine.allocator)
    #expect(throws: PageTableError.noMemory(linearAddress: 0x3004, physicalAddress: 1 << 40 | 4)) {
      try machine.user.readBytes(at: linear(0x3004), count: 1)
    }
    // The kernel's half is not the user's, and no range leaves the half.
    #expect(throws: PageTableError.self) {
      try machine.user.readBytes(at: linear(0xffff_8000_0000_0000), count: 1)
    }
    #expect(throws: PageTableError.self) {
      try machine.user.readBytes(at: linear(1 << 47 - 1), count: 2)
    }
    #expect(throws: PageTableError.self) {
      try machine.user.readBytes(at: linear(0x1000), count: .max)
    }
    // A supervisor page in a user's table is not for it.
    try machine.user.map(
      linear(0x4000), byteCount: 4096, to: physical(0),
      properties: PageProperties(rights: .read), allocator: &machine.allocator)
    #expect(throws: PageTableError.accessDenied(linearAddress: 0x4000, .read)) {
      try machine.user.readBytes(at: linear(0x4000), count: 1)
    }
    machine.check()
  }
}
