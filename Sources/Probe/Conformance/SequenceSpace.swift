// SequenceSpace: the tables of a sequence, as words by physical address.

import MMU

/// Tables that a sequence starts with, built entry by entry.
///
/// Root entry 253 leads to a window through which the guest sees the tables themselves.
struct SequenceSpace: Sendable {
  /// Where the tables are: from the first frame after the pool on, the root first.
  static let tablesAddress = ConformanceTables.firstTable
  /// The room for tables.
  static let tablesByteCount: UInt64 = 2 << 20
  /// The root entry of the window on the tables.
  static let windowIndex = 253

  let rootLevel: Level
  private(set) var words: [UInt64: UInt64] = [:]
  private var nextTable = tablesAddress + 4096

  var root: UInt64 { Self.tablesAddress }

  /// The number of frames that the tables take.
  var frameCount: Int { Int((nextTable - Self.tablesAddress) / 4096) }

  /// A root that leads to the window only.
  init(rootLevel: Level) {
    self.rootLevel = rootLevel
    let window = UInt64(Self.windowIndex) << rootLevel.indexShift
    // For the supervisor; A and D are set.
    map(window, to: Self.tablesAddress, 0x63, .size2MiB)
  }

  /// All words of the tables, from the root's first on.
  var allWords: [UInt64] {
    var all = [UInt64](repeating: 0, count: frameCount * 512)
    for (place, word) in words { all[Int(place - root) / 8] = word }
    return all
  }

  /// The linear address at which the guest sees the table word at `address`.
  func windowAddress(of address: UInt64) -> UInt64 {
    UInt64(Self.windowIndex) << rootLevel.indexShift + (address - Self.tablesAddress)
  }

  /// A table that nothing leads to.
  mutating func newTable() -> UInt64 {
    defer { nextTable += 4096 }
    return nextTable
  }

  /// Where the entry for `address` at `level` stands, by the entries above it, or nil.
  func place(of address: UInt64, at level: Level) -> UInt64? {
    var table = root
    var current = rootLevel
    while true {
      let place = table + (address >> current.indexShift & 511) * 8
      if current == level { return place }
      guard let word = words[place], word & 1 != 0, let lower = current.lower else { return nil }
      table = word & PageTableEntry.Bit.address
      current = lower
    }
  }

  /// Maps a page at `address`, making tables that allow everything as they are missing.
  ///
  /// - Returns: where the leaf stands.
  @discardableResult
  mutating func map(
    _ address: UInt64, to frame: UInt64, _ bits: UInt64, _ size: PageSize = .size4KiB,
    tableBits: UInt64 = SequenceMaker.quiet
  ) -> UInt64 {
    var table = root
    var level = rootLevel
    while level > size.level {
      let place = table + (address >> level.indexShift & 511) * 8
      if words[place] == nil { words[place] = newTable() | tableBits }
      table = (words[place] ?? 0) & PageTableEntry.Bit.address
      level = level.lower ?? .pageTable
    }
    let place = table + (address >> level.indexShift & 511) * 8
    words[place] = frame | bits | (size == .size4KiB ? 0 : PageTableEntry.Bit.pageSize)
    return place
  }

  /// Changes the entry for `address` at `level`, which must be there to be changed.
  mutating func change(_ address: UInt64, at level: Level, _ change: (UInt64) -> UInt64) {
    guard let place = place(of: address, at: level) else { return }
    words[place] = change(words[place] ?? 0)
  }

  /// Puts `word` at a physical address.
  mutating func put(_ word: UInt64, at place: UInt64) { words[place] = word }
}
