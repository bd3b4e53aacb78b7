// PlainTables: every entry below a root, found by plain recursion, as a second opinion.

import MMU
import TestSupport

/// A page as the entries on the way to it say.
struct PlainPage: Hashable {
  var linear: UInt64
  var physical: UInt64
  var size: UInt64
  /// The leaf without its address, A, D and software's bits.
  var bits: UInt64
  var isAccessed: Bool
  var isDirty: Bool
  /// The entries above, from the root down: where each stands, its level and its word.
  var path: [PlainStep]
  /// The leaf itself.
  var leaf: PlainStep

  /// R/W, U/S and XD over all levels.
  var isWritable: Bool { (path + [leaf]).allSatisfy { $0.word & 2 != 0 } }
  var isUser: Bool { (path + [leaf]).allSatisfy { $0.word & 4 != 0 } }
  var isExecutable: Bool { (path + [leaf]).allSatisfy { $0.word >> 63 == 0 } }
  /// The entry nearest to the root, above the leaf, that takes each right away.
  var writeRestriction: PlainStep? { path.first { $0.word & 2 == 0 } }
  var userRestriction: PlainStep? { path.first { $0.word & 4 == 0 } }
  var fetchRestriction: PlainStep? { path.first { $0.word >> 63 != 0 } }
  /// The first of those that takes away what the leaf gives: writes, then CPL 3, then fetches.
  var restriction: PlainStep? {
    if leaf.word & 2 != 0, let step = writeRestriction { return step }
    if leaf.word & 4 != 0, let step = userRestriction { return step }
    return leaf.word >> 63 == 0 ? fetchRestriction : nil
  }
  /// The right that ``restriction`` takes away.
  var restrictedRight: Character {
    if leaf.word & 2 != 0, writeRestriction != nil { return "w" }
    return leaf.word & 4 != 0 && userRestriction != nil ? "u" : "x"
  }
}

/// One entry on the way.
struct PlainStep: Hashable {
  var address: UInt64
  var level: Int
  var word: UInt64

  var reference: EntryReference? {
    Level(rawValue: UInt8(level)).map {
      EntryReference(GuestPhysicalAddress(truncating: address), level: $0)
    }
  }
}

/// An entry that is not 0, and what it is.
struct PlainEntry {
  enum Kind: Hashable {
    case notPresent, reserved(UInt64), outside, table, page(UInt64)
  }

  var kind: Kind
  var step: PlainStep
  var index: Int
  var linear: UInt64
  var path: [PlainStep]
}

/// Tables of 4 levels on a processor with `width` physical-address bits, NXE and 1 GiB pages.
struct PlainTables {
  let words: [UInt64]
  let width: UInt64
  let addressMask: UInt64 = 0x000f_ffff_ffff_f000

  func word(_ address: UInt64) -> UInt64? {
    address / 8 < words.count ? words[Int(address / 8)] : nil
  }

  func span(_ level: Int) -> UInt64 { 1 << UInt64(12 + 9 * (level - 1)) }

  func canonical(_ address: UInt64) -> UInt64 {
    address & 1 << 47 != 0 ? address | 0xffff << 48 : address
  }

  /// What an entry of `level` is, by section 5.5.4 of the manual.
  func kind(_ word: UInt64, _ level: Int) -> PlainEntry.Kind {
    if word & 1 == 0 { return .notPresent }
    let isLarge = word & 0x80 != 0
    var reserved = addressMask & ~((1 << width) - 1)
    if level == 4 { reserved |= 0x80 }
    if level == 3 && isLarge { reserved |= 0x3fff_e000 }
    if level == 2 && isLarge { reserved |= 0x1f_e000 }
    if word & reserved != 0 { return .reserved(word & reserved) }
    if level == 1 || isLarge { return .page(span(level)) }
    return self.word(word & addressMask) == nil ? .outside : .table
  }

  /// Shows every entry of every table to `visit`, in the order of linear addresses, as often as a
  /// way leads there.
  ///
  /// `enter` is asked for each table whether to go through it.
  func walk(
    enter: (_ table: UInt64, _ level: Int, _ linear: UInt64, _ path: [PlainStep]) -> Bool,
    leave: (_ table: UInt64, _ level: Int) -> Void = { _, _ in }, visit: (PlainEntry) -> Void
  ) {
    func go(_ table: UInt64, _ level: Int, _ linear: UInt64, _ path: [PlainStep]) {
      guard enter(table, level, canonical(linear), path) else { return }
      for index in 0..<512 {
        let address = table + UInt64(index) * 8
        guard let word = word(address), word != 0 else { continue }
        let start = linear + UInt64(index) * span(level)
        let step = PlainStep(address: address, level: level, word: word)
        let kind = kind(word, level)
        visit(
          PlainEntry(kind: kind, step: step, index: index, linear: canonical(start), path: path))
        if kind == .table { go(word & addressMask, level - 1, start, path + [step]) }
      }
      leave(table, level)
    }
    go(0, 4, 0, [])
  }

  func page(_ entry: PlainEntry, _ size: UInt64) -> PlainPage {
    let word = entry.step.word
    let kept: UInt64 =
      ~(addressMask | 0x60 | 7 << 9 | 0x7f << 52) | (size > 4096 ? 0x1000 : 0)
    return PlainPage(
      linear: entry.linear, physical: word & addressMask & ~(size - 1), size: size,
      bits: word & kept, isAccessed: word & 0x20 != 0, isDirty: word & 0x40 != 0,
      path: entry.path, leaf: entry.step)
  }

  /// Every page, as often as a way leads there.
  var pages: [PlainPage] {
    var pages: [PlainPage] = []
    walk(enter: { _, _, _, _ in true }) {
      if case .page(let size) = $0.kind { pages.append(page($0, size)) }
    }
    return pages
  }
}

/// Neighbouring pages that are reached in the same way.
struct PlainRun {
  var first: PlainPage
  var count: UInt64 = 1
  var accessed: UInt64
  var dirty: UInt64

  init(_ page: PlainPage) {
    first = page
    accessed = page.isAccessed ? 1 : 0
    dirty = page.isDirty ? 1 : 0
  }

  var byteCount: UInt64 { first.size * count }
  var end: UInt64 { first.physical + byteCount }

  /// True when `page` is the next one of the run: what is taken away from both is taken by one entry.
  func continues(_ page: PlainPage) -> Bool {
    let (a, b) = (first, page)
    return page.linear == first.linear &+ byteCount && page.linear != 0
      && page.physical == end && a.size == b.size && a.bits == b.bits
      && a.isPathWritable == b.isPathWritable && a.isPathUser == b.isPathUser
      && a.isPathExecutable == b.isPathExecutable
      && (a.leaf.word & 2 == 0 || a.writeRestriction?.place == b.writeRestriction?.place)
      && (a.leaf.word & 4 == 0 || a.userRestriction?.place == b.userRestriction?.place)
      && (a.leaf.word >> 63 != 0 || a.fetchRestriction?.place == b.fetchRestriction?.place)
  }

  mutating func add(_ page: PlainPage) {
    count += 1
    accessed += page.isAccessed ? 1 : 0
    dirty += page.isDirty ? 1 : 0
  }

  static func runs(_ pages: [PlainPage]) -> [PlainRun] {
    var runs: [PlainRun] = []
    for page in pages {
      if let last = runs.last, last.continues(page) {
        runs[runs.count - 1].add(page)
      } else {
        runs.append(PlainRun(page))
      }
    }
    return runs
  }
}

extension PlainPage {
  var isPathWritable: Bool { path.allSatisfy { $0.word & 2 != 0 } }
  var isPathUser: Bool { path.allSatisfy { $0.word & 4 != 0 } }
  var isPathExecutable: Bool { path.allSatisfy { $0.word >> 63 == 0 } }
}

extension PlainStep {
  /// Where it stands, without the word.
  var place: [UInt64] { [address, UInt64(level)] }
}

/// Tables full of what listings and audits are about: runs of pages, shared tables, rights taken
/// away above, large pages, words that are nothing, and tables that are mapped.
enum RandomTables {
  static let tableCount = 6

  static func memory(_ random: inout SeededGenerator) -> PageMemory {
    var memory = PageMemory(pageCount: 16)
    for table in 0..<tableCount {
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let first = [0, 1, 2, 3, 254, 256, 509, 511].randomElement(using: &random) ?? 0
        let word = word(&random)
        let isLarge = word & 0x80 != 0
        let step: UInt64 = [0, 0x1000, 0x20_0000, 0x4000_0000][
          isLarge ? Int.random(in: 1...3, using: &random) : Int.random(in: 0...1, using: &random)]
        var flip: UInt64 = 0
        for offset in 0..<Int.random(in: 1...4, using: &random) where first + offset < 512 {
          // Some neighbours differ in a bit that may or may not matter.
          if Int.random(in: 0..<4, using: &random) == 0 {
            flip = 1 << ([0, 1, 2, 5, 6, 8, 9, 63].randomElement(using: &random) ?? 0)
          }
          memory.words[table * 512 + first + offset] = (word ^ flip) &+ UInt64(offset) * step
        }
      }
    }
    return memory
  }

  private static func word(_ random: inout SeededGenerator) -> UInt64 {
    let noise = random.next()
    var word = noise & 0x27 | 1
    if noise >> 8 & 1 != 0 { word |= 6 }
    if noise >> 9 & 3 == 0 { word |= 1 << 63 }
    if noise >> 11 & 3 == 0 { word |= 0x40 }
    if noise >> 13 & 3 == 0 { word |= 0x20 }
    if noise >> 15 & 7 == 0 { word &= ~1 }
    if noise >> 18 & 15 == 0 { word |= 1 << 50 }
    if noise >> 22 & 7 == 0 { word |= 8 }
    // Among the tables, behind them, where no memory is, or a large page.
    switch noise >> 25 & 7 {
    case 0: word |= (noise >> 32 & 7 + 8) << 12
    case 1: word |= 0x80_0000
    case 2, 3: word |= 0x80 | (noise >> 32 & 3) << 21 | noise >> 35 & 1 << 12
    default: word |= (noise >> 32 % UInt64(tableCount)) << 12
    }
    return word
  }
}
