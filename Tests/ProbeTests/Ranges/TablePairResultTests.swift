// What is said of two sets of tables that differ: how many leaves, where they lead, and by what names.

import GuestMem
import MMU
import TestImages
import Testing

@testable import Probe

@Suite("A difference of two sets of tables has all that is there")
struct TablePairResultTests {
  static let pat = PageAttributeTable.standard

  /// The words of tables as memory.
  struct Tables: PhysicalMemory {
    let image: TableImage

    func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
      let place = address.rawValue
      guard place < 1 << 30 else { return nil }
      return image.tables[place & ~0xfff]?[Int(place >> 3 & 511)] ?? 0
    }

    func tables() throws -> PageTables {
      PageTables(
        cr3: image.root,
        configuration: try PagingConfiguration(
          rootLevel: image.rootLevel == 5 ? .pageMapLevel5 : .pageMapLevel4,
          physicalAddressWidth: 46))
    }
  }

  static func compare(
    _ left: TableImage, _ right: TableImage, ignoring properties: RangeProperties = [],
    pageAttributeTable: UInt64 = pat, reasonToStop: @escaping () -> NotRunReason? = { nil }
  ) throws -> RangeComparison {
    let (one, other) = (Tables(image: left), Tables(image: right))
    return RangeComparison.between(
      try one.tables(), in: one, and: try other.tables(), in: other,
      pageAttributeTable: pageAttributeTable, ignoring: properties, reasonToStop: reasonToStop)
  }

  /// An image with an empty page table at `linear`.
  static func withEmptyTable(at linear: UInt64) throws -> TableImage {
    var image = TableImage()
    image.map(linear, to: 0, [])
    return image
  }

  @Test(
    "a large page counts as one leaf on either side, also beside a table that maps nothing",
    arguments: [0, 0x40_0000, 0xffff_ffff_8000_0000] as [UInt64])
  func largePage(_ linear: UInt64) throws {
    let nothing = TableImage()
    var large = TableImage()
    large.map(linear, to: 0x60_0000, [.present, .writable], level: 2)
    for empty in [nothing, try Self.withEmptyTable(at: linear)] {
      for isLeft in [false, true] {
        let result = try isLeft ? Self.compare(large, empty) : Self.compare(empty, large)
        #expect(result.differences.count == 1)
        let difference = try #require(result.differences.first)
        #expect(difference.kind == (isLeft ? .notMapped : .notAsked))
        #expect(difference.first == linear && difference.last == linear + 0x1f_ffff)
        #expect(difference.leafCount == 1 && difference.isEveryPage)
        let page = isLeft ? difference.asked?.page : difference.found
        #expect(page?.physicalAddress == 0x60_0000 && page?.pageSize == .size2MiB)
      }
    }
  }

  /// A whole table of pages that follow each other.
  static func wholeTable(at linear: UInt64, to physical: UInt64, _ bits: TableImage.Bits)
    -> TableImage
  {
    var image = TableImage()
    for page in 0..<UInt64(512) { image.map(linear + page << 12, to: physical + page << 12, bits) }
    return image
  }

  @Test("a whole table of pages is one difference, which says where they lead and how many")
  func wholeTable() throws {
    let linear: UInt64 = 0x80_0000
    let table = Self.wholeTable(at: linear, to: 0x20_0000, [.present, .user])
    let added = try Self.compare(TableImage(), table)
    #expect(added.differences.count == 1)
    let difference = try #require(added.differences.first)
    #expect(difference.kind == .notAsked && difference.leafCount == 512)
    #expect(difference.first == linear && difference.last == linear + 0x1f_ffff)
    #expect(difference.found?.physicalAddress == 0x20_0000)
    #expect(difference.found?.pageSize == .size4KiB && difference.found?.isUser == true)
    let removed = try Self.compare(table, TableImage())
    #expect(removed.differences.first?.asked?.page?.physicalAddress == 0x20_0000)
    #expect(removed.differences.first?.leafCount == 512)
    // Elsewhere, and with another right.
    let moved = Self.wholeTable(at: linear, to: 0x60_0000, [.present, .user])
    let other = try Self.compare(table, moved)
    #expect(other.differences.map(\.properties) == [RangeProperties(.physicalAddress)])
    #expect(other.differences.first?.leafCount == 512)
    #expect(other.differences.first?.found?.physicalAddress == 0x60_0000)
  }

  @Test("where the size of pages does not count, each leaf counts as one, and the rest is compared")
  func withoutSizes() throws {
    let linear: UInt64 = 0xc0_0000
    let ignored = RangeProperties(.pageSize)
    var large = TableImage()
    large.map(linear, to: 0x20_0000, [.present, .user], level: 2)
    let small = Self.wholeTable(at: linear, to: 0x20_0000, [.present, .user])
    #expect(try Self.compare(large, small, ignoring: ignored).isAgreement)
    #expect(try !Self.compare(large, small).isAgreement)
    #expect(
      try Self.compare(TableImage(), large, ignoring: ignored).differences.map(\.leafCount) == [1])
    var one = TableImage()
    one.map(linear, to: 0x20_0000, [.present, .user])
    one.map(linear + 0x5000, to: 0x20_5000, [.present, .user])
    let few = try Self.compare(TableImage(), one, ignoring: ignored)
    #expect(few.differences.map(\.leafCount) == [1, 1])
    #expect(few.differences.map(\.first) == [linear, linear + 0x5000])
    // A page of it that leads elsewhere is one that is found.
    var moved = small
    moved.map(linear + 0x3000, to: 0x70_0000, [.present, .user])
    let found = try Self.compare(large, moved, ignoring: ignored)
    #expect(found.differences.map(\.first) == [linear + 0x3000])
    #expect(found.differences.map(\.properties) == [RangeProperties(.physicalAddress)])
  }

  /// A PML4 as the first and the last entry of a PML5.
  static func wide(_ narrow: TableImage) -> TableImage {
    var wide = TableImage(root: 0x10_0000, levels: 5)
    for (frame, words) in narrow.tables {
      for (index, word) in words.enumerated() where word != 0 {
        wide.set(word, at: index, of: frame)
      }
    }
    // Each half of the PML4 has a table of its own.
    let (lower, upper) = (wide.makeTable(), wide.makeTable())
    for (index, word) in (narrow.tables[narrow.root] ?? []).enumerated() where word != 0 {
      wide.set(word, at: index, of: index < 256 ? lower : upper)
    }
    wide.set(lower | 7, at: 0, of: wide.root)
    wide.set(upper | 7, at: 511, of: wide.root)
    return wide
  }

  @Test(
    "tables of four levels are those of five levels that map the same addresses, in both orders")
  func mixedLevels() throws {
    var narrow = TableImage()
    let addresses: [UInt64] = [
      0, 0x40_0000, 0x7fff_ffff_f000, 0xffff_8000_0000_0000, 0xffff_ffff_ffff_f000,
    ]
    for (index, address) in addresses.enumerated() {
      narrow.map(address, to: 0x30_0000 + UInt64(index) << 12, [.present, .writable])
    }
    let wide = Self.wide(narrow)
    #expect(try Self.compare(narrow, wide).isAgreement)
    #expect(try Self.compare(wide, narrow).isAgreement)
    // What only 57 bits can reach is on one side only.
    for address in [1 << 48, 0x0000_8000_0000_0000, 0xff00_0000_0000_0000] as [UInt64] {
      var more = wide
      more.map(address, to: 0x50_0000, [.present])
      let added = try Self.compare(narrow, more)
      #expect(added.differences.map(\.kind) == [.notAsked])
      #expect(added.differences.map(\.first) == [address])
      let removed = try Self.compare(more, narrow)
      #expect(removed.differences.map(\.kind) == [.notMapped])
      #expect(removed.differences.map(\.first) == [address])
    }
    // A page of the four levels that leads elsewhere, in each half.
    for address in addresses {
      var moved = narrow
      moved.map(address, to: 0x70_0000, [.present, .writable])
      #expect(try Self.compare(moved, wide).differences.map(\.first) == [address])
      #expect(try Self.compare(wide, moved).differences.map(\.first) == [address])
    }
  }

  @Test("a comparison that is cut short says so, whenever that is, and is no agreement")
  func unfinished() throws {
    let left = Self.wholeTable(at: 0, to: 0x20_0000, [.present])
    for lookCount in 1...4 {
      var looks = 0
      let result = try Self.compare(left, left) {
        looks += 1
        return looks < lookCount ? nil : .timeLimit
      }
      #expect(result.unfinished?.reason == .timeLimit && !result.isAgreement)
    }
    #expect(try Self.compare(left, left).unfinished == nil)
  }

  @Test("memory types have their names by the IA32_PAT of the comparison")
  func pageAttributeTable() throws {
    // PA0 is UC, all others are WP.
    let pat: UInt64 = 0x0505_0505_0505_0500
    var left = TableImage()
    left.map(0x40_0000, to: 0x20_0000, [.present])
    var right = TableImage()
    right.map(0x40_0000, to: 0x20_0000 | 1 << 3, [.present])
    let result = try Self.compare(left, right, pageAttributeTable: pat)
    #expect(result.pageAttributeTable == pat)
    #expect(
      result.differences.map { $0.message(in: result.pageAttributeTable) } == [
        "the memory type is WP instead of UC"
      ])
    // By it, all indices but the first are the same.
    var other = TableImage()
    other.map(0x40_0000, to: 0x20_0000 | 1 << 4, [.present])
    #expect(try Self.compare(right, other, pageAttributeTable: pat).isAgreement)
    let asked = RangeComparison.between([], and: [], pageAttributeTable: pat)
    #expect(asked.pageAttributeTable == pat)
    let memory = Tables(image: left)
    #expect(
      RangeComparison.between([], and: try memory.tables(), in: memory, pageAttributeTable: pat)
        .pageAttributeTable == pat)
  }

  @Test("a table that maps nothing between others changes nothing about where the pages lead")
  func emptyTableBetween() throws {
    // A directory of one table of pages and one that is empty, below two entries.
    var image = TableImage()
    let (first, second) = (UInt64(0), UInt64(1) << 30)
    image.map(first, to: 0x4000_0000, [.present])
    for page in 1..<UInt64(512) {
      image.map(first + page << 12, to: 0x4000_0000 + page << 12, [.present])
    }
    image.map(0x20_0000, to: 0, [])
    let pointers = try #require(image.tables[image.root]?[0]) & ~0xfff
    image.set(try #require(image.tables[pointers]?[0]), at: 1, of: pointers)
    let memory = Tables(image: image)
    // Asked for so that the second gibibyte is right where it is mapped, and the first is not.
    let page = PageStatement(physicalAddress: 0)
    let result = RangeComparison.between(
      [AskedRange(first: first, last: second + (1 << 30) - 1, content: .mapped(page))],
      and: try memory.tables(), in: memory, pageAttributeTable: Self.pat)
    let last = try #require(result.differences.last)
    #expect(last.first == second && last.last == second + (1 << 30) - 1)
    #expect(last.kind == .different && !last.isEveryPage && last.leafCount == 512)
    #expect(last.properties.isEmpty)
    #expect(last.message(in: Self.pat) == "a part of the range is not mapped")
  }
}
