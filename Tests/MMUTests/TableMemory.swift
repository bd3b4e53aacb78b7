// TableMemory: tables for a test, in an array of words that starts at physical address 0.

import MMU

/// Memory from address 0 up to the end of an array.
struct TableMemory: PhysicalMemory {
  var words: [UInt64]

  init(pageCount: Int) { words = Array(repeating: 0, count: pageCount * 512) }

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    let index = address.rawValue / 8
    return address.rawValue % 8 == 0 && index < words.count
      ? words[Int(truncatingIfNeeded: index)] : nil
  }

  subscript(address: UInt64) -> UInt64 {
    get { words[Int(truncatingIfNeeded: address / 8)] }
    set { words[Int(truncatingIfNeeded: address / 8)] = newValue }
  }
}

/// One path through tables at 0x1000 (root), 0x2000, … for one linear address.
struct TablePath {
  let configuration: PagingConfiguration
  let linearAddress: UInt64
  var memory = TableMemory(pageCount: 6)

  static let cr3: UInt64 = 0x1000

  init(_ configuration: PagingConfiguration, linearAddress: UInt64 = 0x0000_1234_5678_9abc) {
    self.configuration = configuration
    self.linearAddress = linearAddress
  }

  /// The address of the table at `level`.
  func tableAddress(_ level: Level) -> UInt64 {
    UInt64(configuration.rootLevel.rawValue - level.rawValue + 1) * 0x1000
  }

  /// The address of the entry at `level` that the linear address selects.
  func entryAddress(_ level: Level) -> UInt64 {
    tableAddress(level) + (linearAddress >> (12 + 9 * (UInt64(level.rawValue) - 1)) & 511) * 8
  }

  /// The address of the next table, for an entry at `level` that is not a leaf.
  func nextTable(_ level: Level) -> UInt64 { tableAddress(level) + 0x1000 }

  subscript(level: Level) -> UInt64 {
    get { memory[entryAddress(level)] }
    set { memory[entryAddress(level)] = newValue }
  }

  /// Writes tables down to a leaf at `leaf` with all rights; `page` is the page's address.
  mutating func map(leaf: Level = .pageTable, page: UInt64 = 0x4_8000_0000) {
    var level = configuration.rootLevel
    while level > leaf, let lower = level.lower {
      self[level] = nextTable(level) | 0b111
      level = lower
    }
    self[leaf] = page | 0b111 | (leaf == .pageTable ? 0 : 0x80)
  }

  var walk: Walk {
    Walk(linearAddress, cr3: Self.cr3, configuration: configuration, in: memory)
  }
}
