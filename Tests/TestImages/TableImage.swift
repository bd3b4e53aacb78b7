// TableImage: tables put together entry by entry, for images that tests write.

/// The tables of an image, by physical address.
public struct TableImage: Sendable {
  /// The bits of an entry.
  public struct Bits: OptionSet, Sendable {
    /// The bits in the positions of an entry.
    public let rawValue: UInt64
    /// Takes the bits as they are.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// P.
    public static let present = Bits(rawValue: 1)
    /// R/W.
    public static let writable = Bits(rawValue: 2)
    /// U/S.
    public static let user = Bits(rawValue: 4)
    /// XD.
    public static let noExecute = Bits(rawValue: 1 << 63)
    /// What entries that lead to tables have.
    public static let table: Bits = [.present, .writable, .user]
  }

  /// The frame of the root.
  public let root: UInt64
  /// The level of the root, 4 or 5.
  public let rootLevel: Int
  /// The words of each table.
  public private(set) var tables: [UInt64: [UInt64]] = [:]
  /// Where the next table is put.
  public var nextTable: UInt64

  /// An empty root; it and the tables below follow one another from `root` on.
  public init(root: UInt64 = 0x1000, levels: Int = 4) {
    self.root = root
    rootLevel = levels
    nextTable = root + 4096
    tables[root] = [UInt64](repeating: 0, count: 512)
  }

  /// Puts a new, empty table somewhere.
  public mutating func makeTable() -> UInt64 {
    let table = nextTable
    nextTable += 4096
    tables[table] = [UInt64](repeating: 0, count: 512)
    return table
  }

  /// Sets the entry of the table at `table`, which becomes one if it is none.
  public mutating func set(_ entry: UInt64, at index: Int, of table: UInt64) {
    tables[table, default: [UInt64](repeating: 0, count: 512)][index] = entry
  }

  /// Maps one page; a leaf at level 1 has 4 KiB, at level 2 it has 2 MiB, at level 3 1 GiB.
  public mutating func map(
    _ linear: UInt64, to physical: UInt64, _ bits: Bits, level leaf: Int = 1
  ) {
    var table = root
    for level in (leaf + 1...rootLevel).reversed() {
      let index = Int(linear >> UInt64(12 + 9 * (level - 1)) & 511)
      var entry = tables[table]?[index] ?? 0
      if entry & 1 == 0 {
        entry = makeTable() | Bits.table.rawValue
        set(entry, at: index, of: table)
      }
      table = entry & 0x000f_ffff_ffff_f000
    }
    let size: UInt64 = leaf > 1 ? 1 << 7 : 0
    set(
      physical | bits.rawValue | size, at: Int(linear >> UInt64(12 + 9 * (leaf - 1)) & 511),
      of: table)
  }
}
