// Owners and marks in the format of OSTD: pages without rights, kinds of pages, clones.

import MMU
import Testing

@testable import GuestMem

@Suite("Pages in the format of OSTD keep their owners and marks")
struct OSTDOwnershipTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  @Test(
    "T-4 and T-5: no rights and back keeps the word, its owner and its mark",
    arguments: [TableLiveness.live, .offline])
  func withoutRights(liveness: TableLiveness) throws {
    var machine = try SharedMachine<OSTDUserPaging>()
    machine.user.liveness = liveness
    let small = try machine.mapTracked(at: 0x1000, size: .size4KiB, properties: Self.plain)
    let large = try machine.mapTracked(at: 0x20_0000, size: .size2MiB, properties: Self.plain)
    try machine.user.map(
      linear(0x2000), byteCount: 0x1000, to: physical(0xfee0_0000),
      properties: PageProperties(rights: [.read, .write], memoryType: .uncacheable),
      allocator: &machine.allocator)
    let places: [UInt64] = [0x1000, 0x2000, 0x20_0000]
    let words = places.map { machine.user.translate(linear($0))?.entry }
    try machine.user.protect(
      linear(0), byteCount: 0x40_0000, change: PropertyChange(rights: []),
      allocator: &machine.allocator)
    machine.check()
    for (place, word) in zip(places, words) {
      let found = machine.user.translate(linear(place))
      let before = try #require(word)
      #expect(found?.entry == before & ~3 | 1 << 63, "only P, R/W and XD change")
      #expect(found?.properties.rights == [])
    }
    // A part of the page without rights is split, and its pieces still say that they are pages.
    try machine.user.protect(
      linear(0x20_1000), byteCount: 0x1000, change: PropertyChange(softwareBits: 1 << 4),
      allocator: &machine.allocator)
    for offset in [0, 1, 511] as [UInt64] {
      let found = machine.user.translate(linear(0x20_0000 + offset << 12))
      #expect(found?.physicalAddress.rawValue == (large + offset) << 12)
      #expect(found?.properties.rights == [] && found?.level == .pageTable)
      #expect(machine.allocator.metadata.ownership(of: large + offset) == .shared(1))
    }
    machine.check()
    #expect(throws: PageTableError.reservedSoftwareBits(1 << 3)) {
      try machine.user.protect(
        linear(0x1000), byteCount: 0x1000, change: PropertyChange(softwareBits: 1 << 3),
        allocator: &machine.allocator)
    }
    try machine.user.protect(
      linear(0), byteCount: 0x40_0000, change: PropertyChange(rights: [.read, .write]),
      allocator: &machine.allocator)
    #expect(machine.user.translate(linear(0x1000))?.entry == words[0])
    #expect(machine.user.translate(linear(0x2000))?.entry == words[1])
    #expect(machine.allocator.metadata.ownership(of: small) == .shared(1))
    let report = try machine.user.unmap(
      linear(0), byteCount: 0x40_0000, allocator: &machine.allocator)
    #expect(report.leafCounts.size4KiB == 514)
    #expect(machine.allocator.metadata.ownership(of: small) == .unused)
    #expect(machine.allocator.metadata.ownership(of: large + 511) == .unused)
    machine.check()
  }

  @Test("T-6: kinds of pages come back from their entries exactly, whichever way AVAIL1 is read")
  func kinds() throws {
    try kinds(OSTDUserPaging.self, markOfOwned: 0)
    try kinds(OSTDKernelPaging.self, markOfOwned: 1 << 52)
  }

  func kinds<Configuration: PageTableConfiguration>(
    _: Configuration.Type, markOfOwned: UInt64
  ) throws {
    var world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 2048)
    let tables = world.table.tableMemory
    let free = world.allocator.freeFrames
    var count = 0
    for size in [PageSize.size4KiB, .size2MiB] {
      for var properties in everyOSTDProperty where properties.softwareBits & 1 << 3 == 0 {
        if count % 3 == 0 { properties.rights = [] }
        let device = Child<Configuration>.page(
          PageItem(untracked: physical(1 << 30), level: size.level, properties: properties))
        let handle = try world.allocator.allocateFrame(of: size)
        let frame = handle.frame
        let owned = Child<Configuration>.page(
          try PageItem(tracked: handle, properties: properties))
        for (child, isOwned) in [(device.intoEntry(), false), (owned.intoEntry(), true)] {
          #expect((child & 1 << 52 == markOfOwned) == isOwned)
          let back = try Child<Configuration>(fromEntry: child, level: size.level, tables: tables)
          guard case .page(let item) = consume back else {
            Issue.record("\(String(child, radix: 16)) is no page")
            return
          }
          let isTracked = item.isTracked
          #expect(isTracked == isOwned && item.properties == properties)
          if isOwned { #expect(world.allocator.metadata.ownership(of: frame) == .shared(1)) }
        }
        world.allocator.collectReturned()
        #expect(world.allocator.metadata.ownership(of: frame) == .unused)
        count += 1
      }
    }
    #expect(count == 2 * 512 && world.allocator.freeFrames == free)
  }

  @Test("A clone takes the right to write away, also where no right to read is")
  func clone() throws {
    var machine = try SharedMachine<OSTDUserPaging>()
    for (index, raw) in ([1, 2, 3, 7] as [UInt8]).enumerated() {
      _ = try machine.mapTracked(
        at: 0x1000 * UInt64(index), size: .size4KiB,
        properties: PageProperties(rights: PageRights(rawValue: raw), isUser: true))
    }
    let copy = try machine.user.cloneCopyOnWrite(
      markingWith: 4, allocator: &machine.allocator)
    for (index, raw) in ([1, 2, 3, 7] as [UInt8]).enumerated() {
      let address = linear(0x1000 * UInt64(index))
      for found in [machine.user.translate(address), copy.translate(address)] {
        #expect(found?.properties.rights == PageRights(rawValue: raw & ~2))
        #expect(found?.properties.softwareBits == (raw & 2 != 0 ? 1 << 4 : 0))
      }
    }
    do {
      var context = ContractContext(sharedRoot: machine.kernel.root)
      context.add(machine.kernel)
      #expect(
        ContractChecker<OSTDUserPaging>.violations(
          of: [machine.user.root, copy.root], in: machine.user.tableMemory,
          allocator: machine.allocator, context: context) == [])
    }
    for bit in [0, 3, 5, 9] as [UInt16] {
      let expected: PageTableError =
        bit == 3 ? .reservedSoftwareBits(8) : .softwareBitsUnsupported(1 << bit)
      #expect(throws: expected) {
        _ = try machine.user.cloneCopyOnWrite(
          markingWith: bit, allocator: &machine.allocator)
      }
    }
    copy.destroy(allocator: &machine.allocator)
    machine.check()
  }
}
