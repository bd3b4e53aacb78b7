// PageTable, counts: how many tables and leaves there are, by reading them all.

public import MMU

extension ConfiguredPageTable {
  /// The number of tables that are this table's own, the root among them.
  ///
  /// - Complexity: reads every entry of every table above level 1.
  public var tableCount: UInt64 {
    var visited = VisitedTables()
    return tables.count(root, level: tables.rootLevel, leafLevel: 0, visited: &visited)
  }

  /// The number of leaves that map pages of `size`, those without rights among them.
  ///
  /// - Complexity: reads every entry of every table down to the leaves' level.
  public func leafCount(of size: PageSize) -> UInt64 {
    var visited = VisitedTables()
    return tables.count(
      root, level: tables.rootLevel, leafLevel: UInt64(size.level.rawValue), visited: &visited)
  }
}

extension TableMemory {
  /// Counts leaves at `leafLevel`, or tables when that is 0; what a guest linked twice counts once.
  func count(
    _ table: TableFrame, level: UInt64, leafLevel: UInt64, visited: inout VisitedTables
  ) -> UInt64 {
    guard visited.isFirstVisit(table, level: level) else { return 0 }
    var total: UInt64 = leafLevel == 0 ? 1 : 0
    guard level > 1 || leafLevel == 1 else { return total }
    for index in ownedIndices(level) {
      let entry = memory.entry(table, index)
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: break
      case .leaf: if level == leafLevel { total &+= 1 }
      case .table:
        // A recursive slot leads to a table of another level, which counts where it belongs.
        guard level > leafLevel, let child = memory.table(linkedBy: entry),
          metadata.nodeState(of: child.frame).level.map({ UInt64($0.rawValue) == level &- 1 })
            ?? true
        else { break }
        total &+= count(child, level: level &- 1, leafLevel: leafLevel, visited: &visited)
      }
    }
    return total
  }
}
