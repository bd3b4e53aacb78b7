// The comparison of ranges against what walks say page by page, and what it costs.

import GuestMem
import MMU
import TestImages
import TestSupport
import Testing

@testable import Probe

@Suite("Ranges that were asked for are compared whole with the tables")
struct RangeComparisonTests {
  /// Memory of a few pages from address 0 on.
  struct Words: PhysicalMemory {
    var words: [UInt64]
    func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
      let index = address.rawValue / 8
      return index < words.count ? words[Int(index)] : nil
    }
  }

  static let pat = PageAttributeTable.standard

  /// Some tables, linked at random, so that they are shared, loop, and lack memory.
  static func tables(_ random: inout SeededGenerator) throws -> (Words, PageTables) {
    let pageCount = Int.random(in: 2...6, using: &random)
    var memory = Words(words: Array(repeating: 0, count: pageCount * 512))
    let places = [0, 1, 2, 255, 256, 510, 511]
    for table in 0..<pageCount {
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        var word = random.next() & 0x8000_0000_0000_01ff | 1
        if random.next() & 3 != 0 { word = word & ~(1 << 63) | 6 }
        if random.next() & 3 == 0 { word |= random.next() & 0x7ff0_0000_0000_0e00 }
        let frame = UInt64.random(in: 0...UInt64(pageCount), using: &random)
        word |= frame << 12
        if word & 0x80 != 0, Bool.random(using: &random) { word &= ~0x3f_f000 }
        let first = places.randomElement(using: &random) ?? 0
        // Stretches of neighbours, some of them contiguous.
        let count = min(512 - first, random.next() & 3 == 0 ? 4 : 1)
        let step: UInt64 = Bool.random(using: &random) ? 4096 : 0
        for index in 0..<count {
          memory.words[table * 512 + first + index] = word &+ UInt64(index) &* step
        }
      }
    }
    let configuration = try PagingConfiguration(
      rootLevel: random.next() & 3 == 0 ? .pageMapLevel5 : .pageMapLevel4)
    return (memory, PageTables(cr3: 0, configuration: configuration))
  }

  /// Ranges around addresses that are interesting, many of them as the tables have them.
  static func ranges(
    _ random: inout SeededGenerator, _ tables: PageTables, in memory: Words
  ) -> [AskedRange] {
    let width = tables.configuration.linearAddressWidth
    var asked: [AskedRange] = []
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      var address: UInt64 = 0
      for level in Level.allCases where level <= tables.configuration.rootLevel {
        let index = [0, 1, 2, 255, 256, 510, 511].randomElement(using: &random) ?? 0
        address |= UInt64(index) << level.indexShift
      }
      let span = (Level.allCases.randomElement(using: &random) ?? .pageTable).span
      var first = width.signExtended(address & ~(span - 1))
      if Bool.random(using: &random) { first = first &+ (random.next() & 3) << 12 }
      let (sum, overflows) = first.addingReportingOverflow(
        max(4096, span &- (random.next() & 1) << 12) - 1)
      if overflows || !width.isCanonical(first) { continue }
      let walk = Walk(first, cr3: 0, configuration: tables.configuration, in: memory)
      var content = AskedContent.absent
      if let found = walk.translation, random.next() & 7 != 0 {
        var page = Self.statement(found, basis: random.next() & 3 == 0 ? .leaf : .effective)
        if Bool.random(using: &random) { page.physicalAddress = nil }
        switch random.next() & 15 {
        case 0: page.isWritable = Bool.random(using: &random)
        case 1: page.isUser = nil
        case 2: page.protectionKey = UInt8(random.next() & 15)
        case 3: page.softwareBits = UInt16(random.next() & 0x3ff)
        case 4: page.pageSize = PageSize.allCases.randomElement(using: &random)
        case 5: page.setMemoryType(.uncacheable, in: Self.pat)
        case 6: page.isAccessed = nil
        case 7: page.isDirty = Bool.random(using: &random)
        case 8: page.isGlobal = Bool.random(using: &random)
        case 9: page.isExecutable = Bool.random(using: &random)
        default: break
        }
        content = .mapped(page)
      } else if random.next() & 3 == 0 {
        content = .mapped(PageStatement())
      } else if random.next() & 7 == 0 {
        content = .unsaid
      }
      asked.append(AskedRange(first: first, last: sum, content: content))
    }
    // Without overlaps: those are another matter.
    var result: [AskedRange] = []
    for range in asked.sorted(by: { $0.first < $1.first })
    where range.first > result.last?.last ?? 0
      || result.isEmpty
    {
      result.append(range)
    }
    return result
  }

  static func statement(_ found: Translation, basis: AskedBasis) -> PageStatement {
    var page = PageStatement(
      physicalAddress: found.physicalAddress.rawValue, basis: basis)
    page.isWritable = basis == .leaf ? found.leaf.isWritable : found.isWritable
    page.isUser = basis == .leaf ? found.leaf.isUserAccessible : found.isUser
    page.isExecutable = basis == .leaf ? !found.leaf.isNoExecute : !found.isNoExecute
    page.isGlobal = found.leaf.isGlobal
    page.protectionKey = found.leaf.protectionKey
    page.softwareBits = found.leaf.softwareBits
    page.isAccessed = found.leaf.isAccessed
    page.isDirty = found.leaf.isDirty
    page.pageSize = found.pageSize
    if let type = MemoryType(patIndex: found.leaf.patIndex, in: pat) {
      page.setMemoryType(type, in: pat)
    }
    return page
  }

  /// What a walk to one address says about it: nil where it is as asked.
  static func verdict(
    _ address: UInt64, _ asked: [AskedRange], _ tables: PageTables, in memory: Words
  ) -> RangeDifferenceKind? {
    let found = Walk(address, cr3: 0, configuration: tables.configuration, in: memory).translation
    guard let range = asked.first(where: { $0.first <= address && address <= $0.last }) else {
      return found == nil ? nil : .notAsked
    }
    switch range.content {
    case .unsaid, .recursive: return nil
    case .absent: return found == nil ? nil : .mustNotBeMapped
    case .mapped(let page):
      guard let found else { return .notMapped }
      let real = statement(found, basis: page.basis)
      var same = true
      func compare<Value: Equatable>(_ said: Value?, _ real: Value?) {
        if let said, said != real { same = false }
      }
      compare(page.physicalAddress.map { $0 &+ (address - range.first) }, real.physicalAddress)
      compare(page.isWritable, real.isWritable)
      compare(page.isUser, real.isUser)
      compare(page.isExecutable, real.isExecutable)
      compare(page.isGlobal, real.isGlobal)
      compare(page.isAccessed, real.isAccessed)
      compare(page.isDirty, real.isDirty)
      compare(page.protectionKey, real.protectionKey)
      compare(page.softwareBits, real.softwareBits)
      compare(page.pageSize, real.pageSize)
      if page.patIndices >> found.leaf.patIndex & 1 == 0 { same = false }
      return same ? nil : .different
    }
  }

  @Test("Page by page the walks say the same, of thousands of tables and ranges")
  func everyPage() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("ranges: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var (differing, checked, agreeing) = (0, 0, 0)
    for round in 0..<3000 {
      let (memory, tables) = try Self.tables(&random)
      let asked = Self.ranges(&random, tables, in: memory)
      let result = RangeComparison.between(
        asked, and: tables, in: memory, pageAttributeTable: Self.pat)
      if result.differenceCount == 0 { agreeing += 1 }
      guard result.droppedCount == 0 else { continue }
      // Each address where anything begins or ends, and some at random.
      var addresses: Set<UInt64> = []
      for range in asked { addresses.formUnion([range.first, range.last]) }
      for range in result.differences.prefix(200) {
        addresses.formUnion([range.first, range.last, range.first &- 1, range.last &+ 1])
      }
      for _ in 0..<60 {
        var address = random.next() & 0xfff
        for level in Level.allCases where level <= tables.configuration.rootLevel {
          let index = [0, 1, 2, 3, 4, 255, 256, 258, 510, 511].randomElement(using: &random) ?? 0
          address |= UInt64(index) << level.indexShift
        }
        addresses.insert(tables.configuration.linearAddressWidth.signExtended(address))
      }
      for address in addresses
      where tables.configuration.linearAddressWidth.isCanonical(address) {
        let expected = Self.verdict(address, asked, tables, in: memory)
        let found = result.differences.first { $0.first <= address && address <= $0.last }
        checked += 1
        if expected != nil { differing += 1 }
        if let found, found.isEveryPage {
          #expect(found.kind == expected, "round \(round), seed \(seed): \(address) \(found)")
        } else if found == nil {
          #expect(expected == nil, "round \(round), seed \(seed): \(address) is missed")
        }
      }
      for difference in result.differences.prefix(50) where !difference.isEveryPage {
        // Some page of it differs: one that a walk over its tables' corners may find.
        #expect(difference.leafCount > 0)
      }
    }
    print("ranges: \(checked) addresses, \(differing) differ, \(agreeing) rounds agree")
    #expect(differing > 10_000 && checked > 100_000)
  }

  /// Four tables that map 64 TiB: every entry of a table leads to the same next one.
  static func shared(_ rights: UInt64 = 7) throws -> (Words, PageTables) {
    var memory = Words(words: Array(repeating: 0, count: 8 * 512))
    for index in 0..<512 {
      if index < 128 { memory.words[512 + index] = 0x2000 | rights }
      memory.words[1024 + index] = 0x3007
      memory.words[1536 + index] = 0x4007
      memory.words[2048 + index] = 0x10_0000 + UInt64(index) << 12 | 3
    }
    return (memory, PageTables(cr3: 0x1000, configuration: try PagingConfiguration()))
  }

  @Test("64 TiB by four shared tables cost the entries of a few tables, whatever is asked")
  func sharedTables() throws {
    let (memory, tables) = try Self.shared()
    var page = PageStatement()
    page.isWritable = true
    page.isUser = false
    func cost(_ ranges: [AskedRange]) -> (RangeComparison) {
      RangeComparison.between(ranges, and: tables, in: memory, pageAttributeTable: Self.pat)
    }
    let whole = AskedRange(first: 0, last: 1 << 46 - 1, content: .mapped(page))
    let right = cost([whole])
    #expect(right.isAgreement)
    #expect(right.visitedEntryCount <= 4 * 512)
    // A guard page that the tables map, deep in the repetition.
    let guardPage: UInt64 = 41 << 40 | 0x1234_5000
    let holed = cost([
      AskedRange(first: 0, last: guardPage - 1, content: .mapped(page)),
      AskedRange(first: guardPage, last: guardPage + 4095, content: .absent),
      AskedRange(first: guardPage + 4096, last: 1 << 46 - 1, content: .mapped(page)),
    ])
    #expect(holed.differences.map(\.kind) == [.mustNotBeMapped])
    #expect(holed.differences.first?.first == guardPage)
    #expect(holed.differences.first?.last == guardPage + 4095)
    #expect(holed.visitedEntryCount <= 12 * 512)
    // Nobody asked for the last page.
    let short = cost([AskedRange(first: 0, last: 1 << 46 - 4097, content: .mapped(page))])
    #expect(short.differences.map(\.kind) == [.notAsked])
    #expect(short.differences.first?.first == 1 << 46 - 4096)
    // Everything is wrong: one difference for what is alike, and no more tables for it.
    page.isWritable = false
    page.physicalAddress = 0
    let wrong = cost([AskedRange(first: 0, last: 1 << 46 - 1, content: .mapped(page))])
    #expect(!wrong.isAgreement)
    #expect(wrong.visitedEntryCount <= 10 * 512, "\(wrong.visitedEntryCount)")
  }

  @Test("A right that an entry above takes away counts over all levels, not for the leaf")
  func upperRights() throws {
    let (memory, tables) = try Self.shared(5)
    var page = PageStatement(basis: .leaf)
    page.isWritable = true
    let range = AskedRange(first: 0, last: 1 << 46 - 1, content: .mapped(page))
    func result(_ page: PageStatement) -> RangeComparison {
      var range = range
      range.content = .mapped(page)
      return RangeComparison.between(
        [range], and: tables, in: memory, pageAttributeTable: Self.pat)
    }
    #expect(result(page).isAgreement)
    page.basis = .effective
    #expect(!result(page).isAgreement)
    page.isWritable = false
    #expect(result(page).isAgreement)
  }

  @Test("What is cut short is said: from which address on, how many ranges, and why")
  func unfinished() throws {
    let (memory, tables) = try Self.shared()
    let result = RangeComparison.between(
      [AskedRange(first: 0, last: 4095, content: .absent)], and: tables, in: memory,
      pageAttributeTable: Self.pat, reasonToStop: { .timeLimit })
    #expect(!result.isAgreement)
    #expect(result.unfinished?.reason == .timeLimit)
    #expect(result.unfinished?.rangeCount == 1)
  }

  @Test("A range that is asked for twice in two ways is a difference")
  func overlaps() throws {
    let (memory, tables) = try Self.shared()
    let result = RangeComparison.between(
      [
        AskedRange(first: 0, last: 1 << 46 - 1, content: .mapped(PageStatement())),
        AskedRange(first: 0x1000, last: 0x1fff, content: .absent),
      ], and: tables, in: memory, pageAttributeTable: Self.pat)
    #expect(result.differences.map(\.kind) == [.askedTwice])
  }

  @Test("More differences than are kept are counted, each of them")
  func counts() throws {
    var memory = Words(words: Array(repeating: 0, count: 64 * 512))
    memory.words[512] = 0x2007
    memory.words[1024] = 0x3007
    for table in 0..<48 {
      memory.words[1536 + table] = UInt64(0x4000 + table * 4096) | 7
      for index in 0..<512 where index % 2 == 0 { memory.words[2048 + table * 512 + index] = 3 }
    }
    let tables = PageTables(cr3: 0x1000, configuration: try PagingConfiguration())
    let asked = (0..<48 * 256).map { page in
      AskedRange(
        first: UInt64(page) << 13, last: UInt64(page) << 13 + 4095, content: .absent)
    }
    let result = RangeComparison.between(
      asked, and: tables, in: memory, pageAttributeTable: Self.pat)
    #expect(result.differenceCount == 48 * 256)
    #expect(result.differences.count == RangeComparison.keptCount)
    #expect(result.droppedCount == 48 * 256 - RangeComparison.keptCount)
  }
}
