// The tables that the builder writes, read by the model that was written from the manual alone.

import GuestMem
import MMU
import TestSupport
import Testing

@Suite("The model reads from the tables what the builder meant")
struct WalkAgreementTests {
  /// Compares the builder's answer with the model's for one address.
  func compare(_ machine: borrowing TestMachine, _ rawValue: UInt64, _ comment: Comment) {
    let found = machine.table.translate(linear(rawValue))
    let walk = Walk(
      rawValue, cr3: machine.table.rootAddress.rawValue, configuration: machine.table.paging,
      in: machine.memory.view)
    guard let found, !found.properties.rights.isEmpty else {
      #expect(walk.translation == nil, comment)
      return
    }
    guard let modelled = walk.translation else {
      Issue.record("the model finds no page: \(walk.end)")
      return
    }
    let properties = found.properties
    #expect(modelled.physicalAddress == found.physicalAddress, comment)
    #expect(modelled.pageSize == found.pageSize, comment)
    #expect(modelled.isWritable == properties.rights.contains(.write), comment)
    #expect(modelled.isNoExecute != properties.rights.contains(.execute), comment)
    #expect(modelled.isUser == properties.isUser, comment)
    #expect(modelled.isGlobal == properties.isGlobal, comment)
    #expect(modelled.protectionKey == properties.protectionKey, comment)
    #expect(modelled.leaf.isAccessed == properties.isAccessed, comment)
    #expect(modelled.leaf.isDirty == properties.isDirty, comment)
    #expect(modelled.leaf.softwareBits == properties.softwareBits, comment)
    let type = UInt8(truncatingIfNeeded: PageAttributeTable.standard >> (8 * modelled.patIndex))
    #expect(type == properties.memoryType.rawValue, comment)
  }

  @Test("Every property reads the same", arguments: PageSize.allCases)
  func everyPropertyReadsTheSame(size: PageSize) throws {
    var machine = try TestMachine()
    for properties in everyProperty {
      try machine.table.map(
        linear(0), byteCount: size.byteCount, to: physical(size.byteCount),
        properties: properties, pageSizes: .exactly(size), allocator: &machine.allocator)
      compare(machine, 0xabc, "\(properties)")
      try machine.table.unmap(linear(0), byteCount: size.byteCount, allocator: &machine.allocator)
    }
  }

  @Test("Random ranges read the same at every border", arguments: 1...30 as ClosedRange<UInt64>)
  func randomRanges(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let levels: Level = seed % 2 == 0 ? .pageMapLevel4 : .pageMapLevel5
    var machine = try TestMachine(levels: levels)
    let properties = everyProperty
    var borders: [UInt64] = []
    for _ in 0..<60 {
      let start =
        UInt64(generator.index(below: 8)) << 30 | UInt64(generator.index(below: 1 << 18)) << 12
      let base = generator.index(below: 2) == 0 ? start : start | 0xffff_ff00_0000_0000
      let unit: UInt64 = [0x1000, 0x20_0000, 0x4000_0000][generator.index(below: 3)]
      let address = base & ~(unit - 1)
      let byteCount =
        UInt64(generator.index(below: 5) + 1) * unit + UInt64(generator.index(below: 3)) * 0x1000
      switch generator.index(below: 4) {
      case 0:
        try machine.table.unmap(
          linear(address), byteCount: byteCount, allocator: &machine.allocator)
      case 1:
        try machine.table.protect(
          linear(address), byteCount: byteCount,
          properties: properties[generator.index(below: properties.count)],
          allocator: &machine.allocator)
      default:
        try? machine.table.map(
          linear(address), byteCount: byteCount, to: physical(start),
          properties: properties[generator.index(below: properties.count)],
          allocator: &machine.allocator)
      }
      borders += [address, address &+ byteCount]
    }
    var count = 0
    for border in borders {
      for address in [border &- 1, border, border &+ 1] {
        guard machine.table.paging.linearAddressWidth.isCanonical(address) else { continue }
        compare(machine, address, "seed \(seed), address \(String(address, radix: 16))")
        count += 1
      }
    }
    // Nearly all borders are canonical with their neighbours.
    #expect(count > 300 && borders.count == 120)
  }
}
