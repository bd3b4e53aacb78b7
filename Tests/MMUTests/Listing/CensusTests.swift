// What tables cost and could be spared, against plain counts and at every border.

import MMU
import TestSupport
import Testing

@Suite("A census counts each table once, and names those that a large page could replace")
struct CensusTests {
  private static func census(_ memory: PageMemory, cr3: UInt64 = 0) throws -> TableCensus {
    PageTables(cr3: cr3, configuration: try PagingConfiguration(physicalAddressWidth: 48))
      .census(in: memory)
  }

  @Test("Random tables")
  func randomTables() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var shared = 0
    for round in 0..<300 {
      var memory = RandomTables.memory(&random)
      if round % 4 == 0 {
        // An empty table that is reached.
        for index in 0..<512 { memory.words[5 * 512 + index] = 0 }
      }
      var expected = TableCounts()
      var seen: Set<[UInt64]> = []
      var lastTable: [UInt64: Int] = [:]
      PlainTables(words: memory.words, width: 48).walk { table, level, _, _ in
        guard seen.insert([table, UInt64(level)]).inserted else {
          expected.sharedUses += 1
          return false
        }
        expected.tables[level, default: 0] += 1
        lastTable[table | UInt64(level)] = 0
        return true
      } leave: { table, level in
        let count = lastTable[table | UInt64(level)] ?? 0
        expected.emptySlots += 512 - count
        if count == 0 { expected.emptyTables += 1 }
      } visit: {
        lastTable[$0.step.address & ~4095 | UInt64($0.step.level), default: 0] += 1
        if $0.step.word & 1 != 0 { expected.present += 1 } else { expected.notPresent += 1 }
        if case .page(let size) = $0.kind { expected.leaves[size, default: 0] += 1 }
      }
      let census = try Self.census(memory)
      #expect(TableCounts(census) == expected, "seed \(seed), round \(round)")
      #expect(census.tableCount == expected.tables.values.reduce(0, +))
      #expect(census.byteCount == census.tableCount * 4096)
      shared += census.sharedUseCount
    }
    #expect(shared > 300)
  }

  /// A root, a PDPT, a PD and a PT, of which the last is full of neighbouring pages.
  private static func full(_ change: (inout PageMemory) -> Void = { _ in }) -> PageMemory {
    var memory = PageMemory(pageCount: 8)
    memory.words[0] = 0x1007
    memory.words[512] = 0x2007
    memory.words[1024 + 1] = 0x3007
    for index in 0..<512 { memory.words[1536 + index] = 0x20_0000 + UInt64(index) << 12 | 7 }
    change(&memory)
    return memory
  }

  @Test("A full table is replaceable when its pages are one large page")
  func replaceable() throws {
    func count(_ change: (inout PageMemory) -> Void = { _ in }) throws -> [PageSize: Int] {
      try Self.census(Self.full(change)).replaceableCounts
    }
    #expect(try count() == [.size2MiB: 1])
    // A, D and software's bits are no properties of the translation.
    for bit in [5, 6, 9, 10, 11, 52, 58] {
      #expect(try count { $0.words[1536 + 77] ^= 1 << UInt64(bit) } == [.size2MiB: 1])
    }
    // Everything else is, in any entry: first, second, last.
    for bit in [0, 1, 2, 3, 4, 7, 8, 12, 20, 21, 47, 59, 62, 63] {
      for index in [0, 1, 255, 511] {
        #expect(
          try count { $0.words[1536 + index] ^= 1 << UInt64(bit) } == [:], "bit \(bit), \(index)")
      }
    }
    for index in [0, 1, 255, 511] {
      #expect(try count { $0.words[1536 + index] = 0 } == [:])
    }
    // Neighbours all right, but not aligned: one page further, and half a large page.
    for offset in [0x1000, 0x10_0000, 0x1f_f000] as [UInt64] {
      #expect(
        try count { memory in
          for index in 0..<512 { memory.words[1536 + index] += offset }
        } == [:])
    }
    // Backwards, and all the same page.
    #expect(
      try count { memory in
        for index in 0..<512 { memory.words[1536 + index] = 0x3f_f000 - UInt64(index) << 12 | 7 }
      } == [:])
    #expect(
      try count { memory in
        for index in 0..<512 { memory.words[1536 + index] = 0x20_0007 }
      } == [:])
  }

  @Test("A table of large pages is replaceable by the next size, and one of the largest is not")
  func largePages() throws {
    for (level, table, size) in [
      (2, 1024, PageSize.size1GiB), (3, 512, nil),
    ] as [(Int, Int, PageSize?)] {
      let step = UInt64(1) << UInt64(12 + 9 * (level - 1))
      for offset in [0, 1, 512] as [UInt64] {
        let memory = Self.full { memory in
          for index in 0..<512 {
            memory.words[table + index] = (UInt64(index) + 512 + offset) * step | 0x87
          }
        }
        let expected: [PageSize: Int] = offset % 512 == 0 && size != nil ? [.size1GiB: 1] : [:]
        #expect(try Self.census(memory).replaceableCounts == expected, "level \(level), \(offset)")
      }
    }
  }

  @Test("A table with a table in it, or with one entry, is not")
  func mixedTables() throws {
    // 511 large pages and a table among them, in any place.
    for place in [0, 1, 511] {
      let memory = Self.full { memory in
        for index in 0..<512 { memory.words[1024 + index] = UInt64(index + 512) << 21 | 0x87 }
        memory.words[1024 + place] = 0x3007
      }
      #expect(try Self.census(memory).replaceableCounts == [.size2MiB: 1])
    }
    for entry in [0, 1, 511] {
      let memory = Self.full { memory in
        for index in 0..<512 where index != entry { memory.words[1536 + index] = 0 }
        memory.words[1536 + entry] = 0x20_0007
      }
      #expect(try Self.census(memory).replaceableCounts == [:])
      #expect(try Self.census(memory).emptySlotCount == 4 * 511)
    }
  }

  @Test("Two full tables count twice, one that is shared once")
  func several() throws {
    let memory = Self.full { memory in
      memory.words[1024 + 2] = 0x3007
      memory.words[1024 + 3] = 0x4007
      for index in 0..<512 { memory.words[2048 + index] = 0x40_0000 + UInt64(index) << 12 | 5 }
    }
    let census = try Self.census(memory)
    #expect(census.replaceableCounts == [.size2MiB: 2] && census.sharedUseCount == 1)
    #expect(census.leafCounts == [.size4KiB: 1024])
  }
}

/// The counts of a census, with sizes and levels as numbers.
private struct TableCounts: Hashable {
  var tables: [Int: Int] = [:]
  var leaves: [UInt64: Int] = [:]
  var emptySlots = 0
  var present = 0
  var notPresent = 0
  var sharedUses = 0
  var emptyTables = 0

  init() {}

  init(_ census: TableCensus) {
    for (level, count) in census.tableCounts { tables[Int(level.rawValue)] = count }
    for (size, count) in census.leafCounts { leaves[size.byteCount] = count }
    emptySlots = census.emptySlotCount
    present = census.presentCount
    notPresent = census.notPresentCount
    sharedUses = census.sharedUseCount
    emptyTables = census.emptyTableCount
  }
}
