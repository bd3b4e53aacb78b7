// TableMemory, boot check: what stands against a change, and the tables that it needs.

internal import MMU

/// What is to be done with the pages of a range.
@frozen @usableFromInline enum BootChange: Sendable {
  /// They are mapped, to physical memory from `physical` on.
  case map(MapRequest, physical: UInt64)
  /// They are mapped already and get other properties.
  case protect

  /// The same for what is `byteCount` bytes further on.
  @inlinable
  func advanced(by byteCount: UInt64) -> BootChange {
    switch self {
    case .map(let mapping, let physical): .map(mapping, physical: physical &+ byteCount)
    case .protect: .protect
    }
  }
}

extension TableMemory where Configuration == NativePaging {
  /// Adds the number of tables that a change needs to `needed`: copies, pieces and new ones.
  ///
  /// It ends as soon as that is more than `available`, so that few tables that are linked very
  /// often do not take for ever.
  @inlinable
  func checkBoot(
    _ change: BootChange, _ table: TableFrame, level: UInt64, _ range: Range<UInt64>,
    available: UInt64, needed: inout UInt64, tablesLeft: inout UInt64
  ) throws(PageTableError) {
    let origin = origin(of: table, level: level)
    for slot in Configuration.parts(of: range, at: level) {
      let position = slot.lowerBound
      let part = change.advanced(by: position &- range.lowerBound)
      let entry = memory.entry(table, Configuration.index(position, level))
      switch (meaning(of: entry, level: level, in: origin), part) {
      case (.invalid, _): throw invalid(entry, position, level)
      case (.absent, .protect): throw .notMapped(linearAddress: address(position))
      case (.absent, .map(let mapping, let physical)):
        needed &+= mapping.tablesBelow(Configuration.self, level, slot, physical)
      case (.leaf, .protect): needed &+= tablesToSplit(level: level, slot)
      case (.leaf, .map):
        throw .alreadyMapped(
          linearAddress: address(position), level: levelNumbered(level), entry: entry)
      case (.table, _):
        if case .map(let mapping, _) = part, mapping.leafLevels & ((1 &<< level) &- 1) == 0 {
          throw .alreadyMapped(
            linearAddress: address(position), level: levelNumbered(level), entry: entry)
        }
        guard let child = memory.table(linkedBy: entry) else {
          throw .noMemory(
            linearAddress: address(position), physicalAddress: entry & EntryBits.address)
        }
        if self.origin(of: child, level: level &- 1) == .adopted {
          needed &+= 1
        } else {
          // More than there can be: somebody linked some of them more than once.
          guard tablesLeft > 0 else { throw invalid(entry, position, level) }
          tablesLeft &-= 1
        }
        try checkCount(needed, available)
        try checkBoot(
          part, child, level: level &- 1, slot, available: available, needed: &needed,
          tablesLeft: &tablesLeft)
      }
    }
    try checkCount(needed, available)
  }

  @inlinable
  func checkCount(_ needed: UInt64, _ available: UInt64) throws(PageTableError) {
    guard needed <= available else { throw .outOfFrames(needed: needed, available: available) }
  }
}
