// Address spaces in the format of OSTD: kernel and user halves, and bytes in them.

import MMU
import Testing

@testable import GuestMem

/// A kernel's tables that give root entries back.
enum RemovingKernelPaging: KernelTableConfiguration {
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .upperHalf }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
}

/// A user's tables in the native format that name a kernel's in the other.
enum MixedPaging: UserTableConfiguration {
  typealias Kernel = OSTDKernelPaging
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .lowerHalf }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .trackedWhenClear(softwareBit: 9) }
}

@Suite("Address spaces in the format of OSTD share a kernel's half")
struct OSTDAddressSpaceTests {
  @Test("A user's table shows what the kernel maps, by links that are user entries")
  func sharedHalf() throws {
    var machine = try SharedMachine<OSTDUserPaging>()
    let address = linear(0xffff_8000_0010_0000)
    try machine.kernel.map(
      address, byteCount: 4096, to: physical(0x5000), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    #expect(machine.user.translate(address)?.physicalAddress == physical(0x5000))
    try machine.user.map(
      linear(0x1000), byteCount: 4096, to: physical(0x5000),
      properties: PageProperties(rights: .read), allocator: &machine.allocator)
    machine.check()
    for root in [machine.kernel.root.address, machine.user.root.address] {
      let image = MemoryImage(
        root: root, rootLevel: 4, indexBits: 9, format: .ostd, memory: machine.memory.view)
      let links = image.entries.filter { $0.level > 1 }
      #expect(links.count >= 256 + 2 && links.allSatisfy { $0.word & 0x87 == 7 })
    }
    // AVAIL1 marks what is not owned in the user's half, and what is owned in the kernel's.
    #expect(machine.user.translate(linear(0x1000))?.entry == 0x8010_0000_0000_5081)
    #expect(machine.kernel.translate(address)?.entry == 0x8000_0000_0000_5081)
    machine.user.destroy(allocator: &machine.allocator)
    #expect(machine.kernel.tableCount == 257 + 2)
  }

  @Test(
    "A user's kind of table that names a kernel's of another format, or no kernel's, is refused")
  func mixedPair() throws {
    var machine = try SharedMachine<OSTDUserPaging>()
    let free = machine.allocator.freeFrames
    #expect(throws: PageTableError.unlikeKernel) {
      _ = try ConfiguredPageTable<MixedPaging>(
        sharing: machine.kernel, allocator: &machine.allocator)
    }
    #expect(throws: PageTableError.unlikeKernel) {
      _ = try ConfiguredPageTable<RemovingKernelPaging>(
        anchoring: PagingConfiguration(), memory: machine.memory.view,
        allocator: &machine.allocator)
    }
    #expect(machine.allocator.freeFrames == free)
  }

  @Test("Bytes of a page without the right to read are out of reach, whatever else it gives")
  func bytes() throws {
    var machine = try SharedMachine<OSTDUserPaging>()
    _ = try machine.mapTracked(
      at: 0x1000, size: .size4KiB, properties: PageProperties(rights: .write, isUser: true))
    let before = machine.user.translate(linear(0x1000))?.entry
    #expect(throws: PageTableError.accessDenied(linearAddress: 0x1000, .write)) {
      try machine.user.writeBytes([1], at: linear(0x1000))
    }
    #expect(machine.user.translate(linear(0x1000))?.entry == before)
    let walk = Walk(
      0x1000, cr3: machine.user.rootAddress.rawValue, configuration: machine.user.paging,
      in: machine.memory.view)
    #expect(walk.translation == nil)
  }
}
