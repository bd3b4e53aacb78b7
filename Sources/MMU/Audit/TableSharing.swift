// TableSharing: which tables are reached in several ways.

/// The tables below a root, and which of them are reached more than once.
struct TableSharing: TableVisitor {
  /// The levels that each table is used at.
  private(set) var levels: [UInt64: LevelSet] = [:]
  private var sharedTables: Set<UInt64> = []

  /// True when the table at `address` is reached more than once, at whatever level.
  func isShared(_ address: UInt64) -> Bool { sharedTables.contains(address) }

  /// True when the table at `address` is used at several levels.
  func isAtSeveralLevels(_ address: UInt64) -> Bool {
    (levels[address]?.rawValue.nonzeroBitCount ?? 0) > 1
  }

  /// Page tables are counted, and not read.
  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    let address = table.address.rawValue
    guard let known = levels[address] else {
      levels[address] = LevelSet(table.level)
      return table.level == .pageTable ? .skip : .enter
    }
    sharedTables.insert(address)
    if known.contains(table.level) { return .skip }
    levels[address] = known.union(LevelSet(table.level))
    return table.level == .pageTable ? .skip : .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision { .enter }
}
