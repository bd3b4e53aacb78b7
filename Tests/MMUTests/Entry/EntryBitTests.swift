// The masks of an entry's bits, held against what looks at the bits.

import MMU
import Testing

@Suite("Each mask names the bits that its accessor looks at")
struct EntryBitTests {
  typealias Bit = PageTableEntry.Bit

  private struct Mask: Sendable {
    let name: String
    let mask: UInt64
    let levels: [Level]
    /// What else an entry needs for the bit to have the meaning.
    var also: UInt64 = 0
    let isSeen: @Sendable (PageTableEntry) -> Bool
  }

  private static let large: [Level] = [.pageDirectory, .pageDirectoryPointerTable]

  private static let masks: [Mask] = [
    Mask(name: "P", mask: Bit.present, levels: Level.allCases) { $0.isPresent },
    Mask(name: "R/W", mask: Bit.readWrite, levels: Level.allCases) { $0.isWritable },
    Mask(name: "U/S", mask: Bit.userSupervisor, levels: Level.allCases) { $0.isUserAccessible },
    Mask(name: "PWT", mask: Bit.pageLevelWriteThrough, levels: Level.allCases) {
      $0.isWriteThrough
    },
    Mask(name: "PCD", mask: Bit.pageLevelCacheDisable, levels: Level.allCases) {
      $0.isCacheDisabled
    },
    Mask(name: "A", mask: Bit.accessed, levels: Level.allCases) { $0.isAccessed },
    Mask(name: "D", mask: Bit.dirty, levels: Level.allCases) { $0.isDirty },
    Mask(name: "PS", mask: Bit.pageSize, levels: large) { $0.isLargePage },
    Mask(name: "G", mask: Bit.global, levels: [.pageTable]) { $0.isGlobal },
    Mask(name: "G", mask: Bit.global, levels: large, also: Bit.pageSize) { $0.isGlobal },
    Mask(name: "PAT", mask: Bit.patOf4KiBPage, levels: [.pageTable]) { $0.patIndex == 4 },
    Mask(name: "PAT", mask: Bit.patOfLargePage, levels: large, also: Bit.pageSize) {
      $0.patIndex == 4
    },
    Mask(name: "XD", mask: Bit.noExecute, levels: Level.allCases) { $0.isNoExecute },
  ]

  @Test("A bit alone is seen, and everything but the bit is not")
  func flags() {
    for mask in Self.masks {
      #expect(mask.mask.nonzeroBitCount == 1)
      for level in mask.levels {
        #expect(mask.isSeen(PageTableEntry(mask.mask | mask.also, at: level)), "\(mask.name)")
        #expect(!mask.isSeen(PageTableEntry(mask.also, at: level)), "\(mask.name)")
        if mask.name == "PAT" { continue }
        #expect(!mask.isSeen(PageTableEntry(~mask.mask | mask.also, at: level)), "\(mask.name)")
      }
    }
  }

  @Test("A field is full with its mask, and empty without")
  func fields() {
    let fields: [(UInt64, (PageTableEntry) -> UInt64, UInt64)] = [
      (Bit.address, { $0.tableAddress.rawValue }, 0xf_ffff_ffff_f000),
      (Bit.protectionKey, { UInt64($0.protectionKey) }, 15),
      (Bit.software, { UInt64($0.softwareBits) }, 0x3ff),
    ]
    for (mask, value, full) in fields {
      for level in Level.allCases {
        #expect(value(PageTableEntry(mask, at: level)) == full)
        #expect(value(PageTableEntry(~mask, at: level)) == 0)
      }
    }
    // Every bit has one meaning in a PTE, but for those of the key, which are the key's alone.
    let used =
      Bit.present | Bit.readWrite | Bit.userSupervisor | Bit.pageLevelWriteThrough
      | Bit.pageLevelCacheDisable | Bit.accessed | Bit.dirty | Bit.patOf4KiBPage | Bit.global
    #expect(used == 0x1ff)
    #expect(used ^ Bit.software ^ Bit.address ^ Bit.protectionKey ^ Bit.noExecute == .max)
  }

  @Test("The low bits of a large page's address are those that are reserved in it")
  func lowAddress() throws {
    let configuration = try PagingConfiguration(physicalAddressWidth: 52)
    for (mask, level) in [
      (Bit.lowAddressOf2MiBPage, Level.pageDirectory),
      (Bit.lowAddressOf1GiBPage, .pageDirectoryPointerTable),
    ] {
      let page = PageTableEntry(Bit.address | Bit.pageSize, at: level)
      #expect(page.reservedBits(in: configuration) == mask)
      let table = PageTableEntry(Bit.address, at: level)
      #expect(table.reservedBits(in: configuration) == 0)
      #expect(mask | Bit.patOfLargePage | ~(level.span - 1) | 0xfff == .max)
      #expect(mask & (Bit.patOfLargePage | ~(level.span - 1) | 0xfff) == 0)
    }
  }
}
