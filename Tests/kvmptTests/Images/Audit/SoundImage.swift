// SoundImage: a small kernel's tables in which an audit finds nothing, to put faults into.

import MMU
import TestImages
import TestSupport

/// Tables with text, constants, data, a user's code in a page table that two entries share, and the
/// registers of a processor that runs on them.
struct SoundImage {
  /// Where what is mapped begins.
  enum Region: UInt64, CaseIterable {
    case text = 0xffff_ffff_8000_0000
    case constants = 0xffff_ffff_8020_0000
    case data = 0xffff_ffff_8040_0000
    case userCode = 0x40_0000
    case userCodeAgain = 0x80_0000
    case userStack = 0x7fff_ffe0_0000
    case largeData = 0xffff_ffff_c000_0000
    case free = 0xffff_a000_0000_0000
  }

  private(set) var image: TableImage
  /// The pages of each region but the large one, at every eighth place of their page table.
  let pages: [Int]
  var cr0: UInt64 = 0x8005_0033
  var cr4: UInt64 = 0x30_00a0
  var registers: [Int: UInt64] = [:]
  /// The next free frame for pages.
  private var frame: UInt64 = 0x80_0000

  static let byteCount: UInt64 = 64 << 20

  init(_ random: inout SeededGenerator, levels: Int) {
    image = TableImage(root: 0x10_0000, levels: levels)
    // No two are neighbours, so that each fault in one of them is a finding of its own.
    pages = Array((0..<60).shuffled(using: &random).prefix(6)).sorted().map { $0 * 8 }
    for page in pages {
      map(.text, page, 0x1)
      map(.constants, page, 0x1 | 1 << 63)
      map(.data, page, 0x43 | 1 << 63)
      map(.userCode, page, 0x5)
      map(.userStack, page, 0x47 | 1 << 63)
    }
    image.map(
      Region.largeData.rawValue, to: 0x200_0000, [.present, .writable, .noExecute], level: 2)
    // The second way to the user's code is the same page table.
    let (table, index) = entry(of: Region.userCode.rawValue, level: 2)
    image.set(image.tables[table]?[index] ?? 0, at: index + 2, of: table)
    setAccessed()
    setRegisters()
  }

  private mutating func setAccessed() {
    for (table, words) in image.tables {
      for (index, word) in words.enumerated() where word & 1 != 0 {
        image.set(word | 0x20, at: index, of: table)
      }
    }
  }

  private mutating func setRegisters() {
    registers[0x88] = address(.text, 0) + 0x123
    registers[0x98] = 8
    registers[0xa0] = 0xaf9b00
    registers[0x38] = address(.data, 0) + 0x800
    for (place, page) in [(0x140, 1), (0x158, 2), (0x170, 3)] {
      setSegment(place, base: address(.data, page))
    }
  }

  /// Sets a segment of the note: a selector where one counts, a limit of a page, and the base.
  mutating func setSegment(_ place: Int, base: UInt64, limit: UInt64 = 0xfff) {
    registers[place] = (place == 0x140 ? 0x40 : 0) | limit << 32
    registers[place + 16] = base
  }

  /// The linear address of the page at a place of ``pages``.
  func address(_ region: Region, _ place: Int) -> UInt64 {
    region.rawValue + UInt64(pages[place]) * 4096
  }

  /// The table and index of the entry that translates an address at a level.
  func entry(of linear: UInt64, level: Int = 1) -> (table: UInt64, index: Int) {
    var table = image.root
    for upper in (level + 1...max(level + 1, image.rootLevel)).reversed() {
      let word = image.tables[table]?[Int(linear >> UInt64(12 + 9 * (upper - 1)) & 511)] ?? 0
      table = word & 0x000f_ffff_ffff_f000
    }
    return (table, Int(linear >> UInt64(12 + 9 * (level - 1)) & 511))
  }

  /// Changes the entry that translates an address at a level.
  mutating func change(_ linear: UInt64, level: Int = 1, _ change: (inout UInt64) -> Void) {
    let (table, index) = entry(of: linear, level: level)
    var word = image.tables[table]?[index] ?? 0
    change(&word)
    image.set(word, at: index, of: table)
  }

  /// Maps one page in the free region, with A in all entries on the way.
  mutating func add(_ page: Int, to physical: UInt64, _ bits: UInt64, level: Int = 1) -> UInt64 {
    let size: UInt64 = level == 1 ? 4096 : level == 2 ? 2 << 20 : 1 << 30
    let linear = Region.free.rawValue + UInt64(page) * size
    image.map(linear, to: physical, TableImage.Bits(rawValue: bits | 0x21), level: level)
    setAccessed()
    return linear
  }

  /// A table below the free region that nothing else leads to.
  mutating func makeTable() -> UInt64 { image.makeTable() }

  /// Sets a word of a table.
  mutating func set(_ word: UInt64, at index: Int, of table: UInt64) {
    image.set(word, at: index, of: table)
  }

  private mutating func map(_ region: Region, _ page: Int, _ bits: UInt64) {
    image.map(
      region.rawValue + UInt64(page) * 4096, to: frame, TableImage.Bits(rawValue: bits))
    frame += 4096
  }
}
