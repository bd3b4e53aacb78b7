// PageTableEntryTests: which bit of an entry says what, at every level.

import MMU
import Testing

@Suite("An entry's bits have the manual's meaning")
struct PageTableEntryTests {
  /// What each accessor says about an entry with one bit set.
  private static func flags(_ entry: PageTableEntry) -> [String] {
    let all: [(String, Bool)] = [
      ("P", entry.isPresent), ("R/W", entry.isWritable), ("U/S", entry.isUserAccessible),
      ("PWT", entry.isWriteThrough), ("PCD", entry.isCacheDisabled), ("A", entry.isAccessed),
      ("D", entry.isDirty), ("PS", entry.isLargePage), ("G", entry.isGlobal),
      ("XD", entry.isNoExecute), ("PAT", entry.patBit == 1),
    ]
    return all.filter(\.1).map(\.0)
  }

  @Test("One bit set: the accessors that see it", arguments: Level.allCases)
  func singleBits(level: Level) {
    let isLargeLevel = level == .pageDirectory || level == .pageDirectoryPointerTable
    let names: [Int: [String]] = [
      0: ["P"], 1: ["R/W"], 2: ["U/S"], 3: ["PWT"], 4: ["PCD"], 5: ["A"], 6: ["D"],
      7: level == .pageTable ? ["PAT"] : isLargeLevel ? ["PS"] : [],
      8: level == .pageTable ? ["G"] : [], 63: ["XD"],
    ]
    for bit in 0..<64 {
      let entry = PageTableEntry(1 << UInt64(bit), at: level)
      #expect(Self.flags(entry) == names[bit] ?? [], "bit \(bit) at \(level.entryName)")
      #expect(entry.protectionKey == (59...62 ~= bit ? 1 << (bit - 59) : 0))
      let software: UInt16 =
        9...11 ~= bit ? 1 << (bit - 9) : 52...58 ~= bit ? 1 << (bit - 49) : 0
      #expect(entry.softwareBits == software)
      #expect(entry.tableAddress.rawValue == (12...51 ~= bit ? 1 << UInt64(bit) : 0))
    }
  }

  @Test("A large page's PAT is bit 12, its G bit 8, and its address starts above PAT")
  func largePages() throws {
    for size in [PageSize.size2MiB, .size1GiB] {
      let entry = PageTableEntry(.max, at: size.level)
      #expect(entry.isLeaf && entry.patBit == 1 && entry.isGlobal && entry.pageSize == size)
      #expect(entry.pageAddress.rawValue == 0xf_ffff_ffff_ffff & ~(size.byteCount - 1))
      #expect(PageTableEntry(0x80, at: size.level).patBit == 0)
      #expect(PageTableEntry(0x1000, at: size.level).patBit == 0)
      #expect(!PageTableEntry(~0x80, at: size.level).isLeaf)
    }
    #expect(PageTableEntry(.max, at: .pageTable).pageAddress.rawValue == 0xf_ffff_ffff_f000)
  }

  @Test("No entry of a PML4 or PML5 is a leaf", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func noLeaf(level: Level) {
    let entry = PageTableEntry(.max, at: level)
    #expect(!entry.isLeaf && !entry.isLargePage && !entry.isGlobal && entry.pageSize == nil)
  }

  @Test("PAT, PCD and PWT make the index into IA32_PAT", arguments: 0..<8)
  func patIndex(index: Int) {
    let bits = UInt64(index)
    let low = (bits & 3) << 3
    #expect(PageTableEntry(low | (bits >> 2) << 7, at: .pageTable).patIndex == index)
    let large = low | (bits >> 2) << 12 | 0x80
    #expect(PageTableEntry(large, at: .pageDirectory).patIndex == index)
    #expect(PageTableEntry(large, at: .pageDirectoryPointerTable).patIndex == index)
    #expect(PageTableEntry(large, at: .pageMapLevel4).patIndex == index & 3)
  }
}
