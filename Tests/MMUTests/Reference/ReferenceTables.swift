// ReferenceTables: the second opinion's rules, as tables of patterns.

/// What the tables speak about: numbers and flags, no type of the model under test.
enum Reference {
  /// The processor as far as it decides how tables are read.
  struct Machine: Hashable {
    var levels = 4
    var maxphyaddr = 48
    var nxe = true
    var gigabytePages = true
    var amd = false
  }

  /// A row of the table of reserved bits.
  struct ReservedRow: Sendable {
    /// The levels of the entries that the row speaks about, 1 the page table.
    let levels: ClosedRange<Int>
    /// Bit 7 of the entry, or nil for either.
    let ps: Int?
    let applies: @Sendable (Machine) -> Bool
    let first: @Sendable (Machine) -> Int
    let last: Int

    init(
      _ levels: ClosedRange<Int>, ps: Int? = nil, bits: ClosedRange<Int>,
      when applies: @escaping @Sendable (Machine) -> Bool = { _ in true }
    ) {
      self.levels = levels
      self.ps = ps
      self.applies = applies
      first = { _ in bits.lowerBound }
      last = bits.upperBound
    }

    init(_ levels: ClosedRange<Int>, from first: @escaping @Sendable (Machine) -> Int, to last: Int)
    {
      self.levels = levels
      ps = nil
      applies = { _ in true }
      self.first = first
      self.last = last
    }
  }

  static let reservedRows: [ReservedRow] = [
    ReservedRow(1...5, from: { $0.maxphyaddr }, to: 51),
    ReservedRow(1...5, bits: 63...63) { !$0.nxe },
    ReservedRow(4...5, bits: 7...7),
    ReservedRow(4...5, bits: 8...8) { $0.amd },
    ReservedRow(3...3, bits: 7...7) { !$0.gigabytePages },
    ReservedRow(3...3, ps: 1, bits: 13...29) { $0.gigabytePages },
    ReservedRow(2...2, ps: 1, bits: 13...20),
  ]

  /// Accesses that fault on a present page.
  ///
  /// One letter a column, `*` for either:
  /// kind r/w/f, mode u/s, page u/s, R/W, XD, then the flags WP, SMEP, SMAP, AC, and i/e for an
  /// implicit or explicit access.
  static let faultPatterns = [
    "*us*******",
    "wuu0******",
    "ws*0*1****",
    "f***1*****",
    "fsu***1***",
    "rsu****10*", "wsu****10*",
    "rsu****11i", "wsu****11i",
  ]

  /// Accesses that a protection key stops.
  ///
  /// One letter a column, `*` for either:
  /// kind r/w/f, mode u/s, AD, WD, WP.
  static let keyPatterns = ["r*1**", "w*1**", "wu*1*", "ws*11"]
}
