// TraversalCost: how much a full listing would be, without making it.

/// The size of what stands below a root when every way to a table is counted.
public struct TraversalCost: Hashable, Sendable {
  /// Leaves, each way to one counted; `UInt64.max` stands for more.
  public let leafCount: UInt64
  /// Tables, each way to one counted; `UInt64.max` stands for more.
  public let tableCount: UInt64
  /// The number of different pairs of table and level.
  public let distinctTableCount: Int
}

extension PageTables {
  /// Counts leaves and tables, reading each table once for each level that it is used at.
  ///
  /// - Complexity: proportional to the number of table pages, whatever they span.
  public func cost<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> TraversalCost {
    var counter = CostCounter()
    traverse(in: memory, &counter)
    let total = counter.known[counter.rootKey] ?? (leaves: 0, tables: 0)
    return TraversalCost(
      leafCount: total.leaves, tableCount: total.tables, distinctTableCount: counter.known.count)
  }
}

/// Sums up the tables that are being visited, and remembers those that are done.
private struct CostCounter: TableVisitor {
  typealias Total = (leaves: UInt64, tables: UInt64)
  var known: [UInt64: Total] = [:]
  var rootKey: UInt64 = 0
  private var open: [Total] = []

  private func key(_ table: TableVisit) -> UInt64 {
    table.address.rawValue | UInt64(table.level.rawValue)
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    let key = key(table)
    if open.isEmpty { rootKey = key }
    if let total = known[key] {
      add(total)
      return .skip
    }
    open.append((leaves: 0, tables: 1))
    return .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if case .page = entry.kind { add((leaves: 1, tables: 0)) }
    return .enter
  }

  mutating func leave(_ table: TableVisit) {
    guard let total = open.popLast() else { return }
    known[key(table)] = total
    if !open.isEmpty { add(total) }
  }

  private mutating func add(_ total: Total) {
    let last = open.count - 1
    guard last >= 0 else { return }
    open[last].leaves = saturated(open[last].leaves, total.leaves)
    open[last].tables = saturated(open[last].tables, total.tables)
  }

  private func saturated(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
