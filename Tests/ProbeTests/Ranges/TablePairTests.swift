// The comparison of tables with tables against what walks say page by page, and what it costs.

import GuestMem
import MMU
import TestImages
import TestSupport
import Testing

@testable import Probe

@Suite("Two sets of tables are compared whole, in the time of tables")
struct TablePairTests {
  typealias Words = RangeComparisonTests.Words
  static let pat = PageAttributeTable.standard

  /// What walks to one address say of both sides: nil where it is the same.
  static func verdict(
    _ address: UInt64, _ left: (Words, PageTables), _ right: (Words, PageTables),
    ignoring: RangeProperties
  ) -> (kind: RangeDifferenceKind, properties: RangeProperties)? {
    func page(_ side: (Words, PageTables)) -> PageStatement? {
      guard side.1.configuration.linearAddressWidth.isCanonical(address) else { return nil }
      let walk = Walk(
        address, cr3: side.1.rootAddress.rawValue, configuration: side.1.configuration,
        in: side.0)
      return walk.translation.map {
        var page = RangeComparisonTests.statement($0, basis: .effective)
        page.remove(ignoring)
        return page
      }
    }
    switch (page(left), page(right)) {
    case (nil, nil): return nil
    case (_?, nil): return (.notMapped, [])
    case (nil, _?): return (.notAsked, [])
    case (let old?, let new?):
      let different = old.comparison(with: new, pageAttributeTable: pat).different
      return different.isEmpty ? nil : (.different, different)
    }
  }

  /// The same tables with a few words changed.
  static func changed(
    _ side: (Words, PageTables), _ random: inout SeededGenerator
  ) -> (Words, PageTables) {
    var (memory, tables) = side
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let used = memory.words.indices.filter { memory.words[$0] != 0 }
      guard let index = used.randomElement(using: &random) else { continue }
      switch random.next() & 7 {
      case 0: memory.words[index] = 0
      case 1: memory.words[index ^ 1] = memory.words[index]
      default: memory.words[index] ^= 1 << (random.next() & 63)
      }
    }
    if random.next() & 15 == 0 {
      let level: Level =
        tables.configuration.rootLevel == .pageMapLevel4 ? .pageMapLevel5 : .pageMapLevel4
      if let other = try? PagingConfiguration(rootLevel: level) {
        tables = PageTables(cr3: tables.rootAddress.rawValue, configuration: other)
      }
    }
    return (memory, tables)
  }

  @Test("Address by address the walks say the same, of thousands of pairs")
  func everyAddress() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("table pairs: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var (checked, differing, agreeing, again) = (0, 0, 0, 0)
    for round in 0..<TestSetting.depth(500, full: 2000) {
      let left = try RangeComparisonTests.tables(&random)
      let right =
        random.next() & 7 == 0
        ? try RangeComparisonTests.tables(&random) : Self.changed(left, &random)
      let ignored: RangeProperties =
        random.next() & 1 == 0
        ? [] : RangeProperties(rawValue: UInt16(random.next() & 0x7ff))
      let result = RangeComparison.between(
        left.1, in: left.0, and: right.1, in: right.0, pageAttributeTable: Self.pat,
        ignoring: ignored)
      if result.differenceCount == 0 { agreeing += 1 }
      again += result.differences.count { !$0.isEveryPage }
      guard result.droppedCount == 0 else { continue }
      var addresses: Set<UInt64> = []
      for range in result.differences.prefix(200) {
        addresses.formUnion([range.first, range.last, range.first &- 1, range.last &+ 1])
      }
      for _ in 0..<60 {
        var address = random.next() & 0xfff
        for level in Level.allCases where level <= .pageMapLevel5 {
          let index = [0, 1, 2, 3, 4, 255, 256, 258, 510, 511].randomElement(using: &random) ?? 0
          address |= UInt64(index) << level.indexShift
        }
        let width: LinearAddressWidth = Bool.random(using: &random) ? .bits48 : .bits57
        addresses.insert(width.signExtended(address))
      }
      for address in addresses {
        let expected = Self.verdict(address, left, right, ignoring: ignored)
        let found = result.differences.first { $0.first <= address && address <= $0.last }
        checked += 1
        if expected != nil { differing += 1 }
        let place: Comment = "round \(round), seed \(seed): 0x\(String(address, radix: 16))"
        if let found, found.isEveryPage {
          #expect(found.kind == expected?.kind, place)
          #expect(found.properties == expected?.properties, place)
        } else if found == nil {
          #expect(expected == nil, place)
        }
      }
    }
    print("table pairs: \(checked) addresses, \(differing) differ, \(agreeing) agree, \(again)")
    let share = TestSetting.depth(1, full: 4)
    #expect(differing > 1_000 * share && checked > 25_000 * share)
    #expect(agreeing > 40 * share && again > 0)
  }

  @Test("64 TiB by four shared tables against the same, and against one page otherwise")
  func sharedTables() throws {
    let (memory, tables) = try RangeComparisonTests.shared()
    func compare(_ other: Words) -> RangeComparison {
      RangeComparison.between(
        tables, in: memory, and: tables, in: other, pageAttributeTable: Self.pat)
    }
    let same = compare(memory)
    #expect(same.isAgreement && same.visitedEntryCount <= 8 * 512)
    // Of each table of the other side one leaf is read-only: 2^27 leaves, found in one table.
    var changed = memory
    changed.words[2048 + 7] ^= 2
    let wrong = compare(changed)
    #expect(wrong.differences.first?.first == 7 << 12)
    #expect(wrong.differences.first?.properties == RangeProperties(.writable))
    #expect(wrong.differences.dropFirst().allSatisfy { !$0.isEveryPage })
    #expect(wrong.visitedEntryCount <= 16 * 512, "\(wrong.visitedEntryCount)")
    // A root entry less.
    changed = memory
    changed.words[512 + 41] = 0
    #expect(compare(changed).differences.map(\.kind) == [.notMapped])
    #expect(compare(changed).differences.first?.first == 41 << 39)
  }

  @Test("Tables that are built in other ways and map the same do not differ")
  func otherTables() throws {
    // Rights are denied above on one side, in the leaves on the other.
    let (memory, tables) = try RangeComparisonTests.shared(5)
    var (other, otherTables) = try RangeComparisonTests.shared(7)
    for index in 0..<512 { other.words[2048 + index] &= ~2 }
    let same = RangeComparison.between(
      tables, in: memory, and: otherTables, in: other, pageAttributeTable: Self.pat)
    #expect(same.isAgreement, "\(same.differences)")
    // A large page and 512 small ones differ in nothing but their size.
    var (large, small) = (Words(words: Array(repeating: 0, count: 8 * 512)), memory)
    small = large
    for index in [0, 1] {
      large.words[512] = 0x2007
      large.words[1024] = 0x3007
      large.words[1536 + index] = 0x20_0087
    }
    small.words[512] = 0x2007
    small.words[1024] = 0x3007
    for index in [0, 1] { small.words[1536 + index] = 0x4007 }
    for index in 0..<512 { small.words[2048 + index] = 0x20_0007 + UInt64(index) << 12 }
    func compare(_ ignored: RangeProperties) -> RangeComparison {
      RangeComparison.between(
        otherTables, in: large, and: otherTables, in: small, pageAttributeTable: Self.pat,
        ignoring: ignored)
    }
    let size = RangeProperties(.pageSize)
    #expect(compare([]).differences.map(\.properties) == [size, size])
    #expect(compare(RangeProperties(.pageSize)).isAgreement)
  }

  @Test("Tables that all differ cost their number and the differences, not the pairs of them")
  func manyPairs() throws {
    // Each of 60 tables at level 2 links all 60 at level 1, in another order on each side.
    func memory(_ step: Int) -> Words {
      var memory = Words(words: Array(repeating: 0, count: 256 * 512))
      memory.words[512] = 0x2007
      for upper in 0..<60 {
        memory.words[1024 + upper] = UInt64(16 + upper) << 12 | 7
        for lower in 0..<60 {
          let table = (upper + lower * step) % 60
          memory.words[(16 + upper) * 512 + lower] = UInt64(100 + table) << 12 | 7
        }
        for leaf in 0..<512 where (leaf + upper) % 3 != 0 {
          memory.words[(100 + upper) * 512 + leaf] =
            UInt64(0x10_0000 + leaf * 4096) | 3
            | UInt64(upper & 7) << 9 | UInt64(upper >> 3) << 52
        }
      }
      return memory
    }
    let tables = PageTables(cr3: 0x1000, configuration: try PagingConfiguration())
    let result = RangeComparison.between(
      tables, in: memory(1), and: tables, in: memory(7), pageAttributeTable: Self.pat)
    #expect(result.differenceCount > RangeComparison.keptCount)
    #expect(result.differences.count == RangeComparison.keptCount)
    #expect(result.visitedEntryCount < 400 * 512, "\(result.visitedEntryCount)")
  }

  @Test("What is cut short is said")
  func unfinished() throws {
    let (memory, tables) = try RangeComparisonTests.shared()
    let result = RangeComparison.between(
      tables, in: memory, and: tables, in: memory, pageAttributeTable: Self.pat,
      reasonToStop: { .interrupted })
    #expect(!result.isAgreement && result.unfinished?.reason == .interrupted)
  }
}
