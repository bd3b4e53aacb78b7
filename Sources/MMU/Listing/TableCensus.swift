// TableCensus: what tables cost, and what they could be spared.

/// Counts over the tables below a root; each table counts once for each level it is used at.
public struct TableCensus: Hashable, Sendable {
  /// The number of tables at each level.
  public internal(set) var tableCounts: [Level: Int] = [:]
  /// The number of entries that are 0.
  public internal(set) var emptySlotCount = 0
  /// The number of entries that are present, leaves among them.
  public internal(set) var presentCount = 0
  /// The number of entries that are neither 0 nor present.
  public internal(set) var notPresentCount = 0
  /// The number of leaves of each size.
  public internal(set) var leafCounts: [PageSize: Int] = [:]
  /// The number of ways to a table beyond the first.
  public internal(set) var sharedUseCount = 0
  /// The number of tables all entries of which are 0.
  public internal(set) var emptyTableCount = 0
  /// Tables that one large page of this size could replace, with no translation changed.
  public internal(set) var replaceableCounts: [PageSize: Int] = [:]

  /// The number of tables of all levels.
  public var tableCount: Int { tableCounts.values.reduce(0, +) }
  /// The memory that the tables take.
  public var byteCount: Int { tableCount * 4096 }
}

extension PageTables {
  /// Counts tables, entries and leaves.
  ///
  /// - Complexity: proportional to the number of tables.
  public func census<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> TableCensus {
    var counter = CensusCounter()
    traverse(in: memory, &counter)
    return counter.total
  }
}

private struct CensusCounter: TableVisitor {
  var total = TableCensus()
  private var seen: Set<UInt64> = []
  /// For each open table: the entries that are not 0, and the leaves that run on from the first.
  private var open: [(entryCount: Int, run: MappedRun?, isRun: Bool)] = []

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    guard seen.insert(table.address.rawValue | UInt64(table.level.rawValue)).inserted else {
      total.sharedUseCount += 1
      return .skip
    }
    total.tableCounts[table.level, default: 0] += 1
    open.append((0, nil, true))
    return .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    let last = open.count - 1
    guard last >= 0 else { return .enter }
    open[last].entryCount += 1
    if entry.entry.isPresent { total.presentCount += 1 } else { total.notPresentCount += 1 }
    guard case .page(let size) = entry.kind else {
      open[last].isRun = false
      return .enter
    }
    total.leafCounts[size, default: 0] += 1
    let page = MappedRun(entry, size, inherited: table.inherited)
    if open[last].run == nil {
      open[last].run = page
    } else if open[last].run?.append(page) != true {
      open[last].isRun = false
    }
    return .enter
  }

  mutating func leave(_ table: TableVisit) {
    guard let done = open.popLast() else { return }
    total.emptySlotCount += 512 - done.entryCount
    if done.entryCount == 0 { total.emptyTableCount += 1 }
    guard done.isRun, done.entryCount == 512, let run = done.run, let upper = table.level.upper,
      let size = PageSize(level: upper), run.physicalAddress.rawValue % size.byteCount == 0
    else { return }
    total.replaceableCounts[size, default: 0] += 1
  }
}
