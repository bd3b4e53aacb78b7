// MapRequest: what is to be written into each entry of a range.

/// A mapping that was checked: the bits of its leaves, and where leaves may stand.
@frozen @usableFromInline package struct MapRequest: Sendable {
  /// The leaves' bits besides the address.
  @usableFromInline package let leaf: LeafBits
  /// Bit n is set when leaves may stand at level n.
  @usableFromInline package let leafLevels: UInt64
  /// The bits of entries that lead to new tables.
  @usableFromInline package let linkBits: UInt64

  @inlinable
  package init(leaf: LeafBits, leafLevels: UInt64, linkBits: UInt64) {
    self.leaf = leaf
    self.leafLevels = leafLevels
    self.linkBits = linkBits
  }

  /// True when the entry at `level` that covers `range` can be a leaf.
  @inlinable
  package func isLeaf(
    _ level: UInt64, _ span: UInt64, _ range: Range<UInt64>, _ physical: UInt64
  ) -> Bool {
    leafLevels & (1 &<< level) != 0 && range.byteCount == span
      && (range.lowerBound | physical) & (span &- 1) == 0
  }

  /// The level of the leaf when the range is exactly one page, else nil.
  @inlinable
  func onlyLevel<Configuration: PageTableConfiguration>(
    _: Configuration.Type, _ range: Range<UInt64>, _ physical: UInt64
  ) -> UInt64? {
    if isLeaf(1, Configuration.span(1), range, physical) { return 1 }
    if isLeaf(2, Configuration.span(2), range, physical) { return 2 }
    return isLeaf(3, Configuration.span(3), range, physical) ? 3 : nil
  }

  /// The number of new tables that an absent entry at `level` needs to map `range`, which lies
  /// in what the entry covers.
  ///
  /// - Complexity: constant for each level, because equally aligned entries need equally many.
  @usableFromInline
  package func tablesBelow<Configuration: PageTableConfiguration>(
    _: Configuration.Type, _ level: UInt64, _ range: Range<UInt64>, _ physical: UInt64
  ) -> UInt64 {
    if isLeaf(level, Configuration.span(level), range, physical) { return 0 }
    let lower = level &- 1
    guard lower > 1 else { return 1 }
    var count: UInt64 = 1
    var parts = Configuration.parts(of: range, at: lower)
    while let part = parts.next() {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let below = tablesBelow(Configuration.self, lower, part, target)
      if part.byteCount == parts.span {
        let whole = (range.upperBound &- part.lowerBound) / parts.span
        count &+= whole &* below
        parts.position = part.lowerBound &+ whole &* parts.span
      } else {
        count &+= below
      }
    }
    return count
  }
}

extension EntryBits {
  /// P and R/W: an entry that leads to a table without user pages.
  @inlinable static var supervisorLink: UInt64 { present | writable }
  /// P, R/W and U/S: an entry that leads to a table with user pages.
  @inlinable static var userLink: UInt64 { present | writable | user }
}
