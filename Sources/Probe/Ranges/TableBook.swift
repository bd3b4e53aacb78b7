// TableBook: gives every table of two sets a number, and the same one to those that map the same.

import GuestMem
import MMU

/// The meanings of tables, each found once for each level and each set of rights that it is used
/// with.
struct TableBook {
  /// One use of a table.
  private struct Use: Hashable {
    let side: TableSide
    /// The address, with the level in its low bits.
    let key: UInt64
    let denied: PageFacts
  }

  /// A table that was given a number, by its first use.
  private struct Entry {
    let address: UInt64
    let level: Level
    let denied: PageFacts
    let side: TableSide
    let summary: TableSummary
  }

  let filter: FactFilter
  private(set) var left: TableSummaries
  private var right: TableSummaries
  private var known: [Use: TableMeaning] = [:]
  private var entries: [Entry] = []
  private var numbers: [Int: [Int]] = [:]

  init(
    left: PageTables, right: PageTables, filter: FactFilter,
    reasonToStop: @escaping () -> NotRunReason?
  ) {
    self.left = TableSummaries(left, reasonToStop: reasonToStop)
    self.right = TableSummaries(right, reasonToStop: reasonToStop)
    self.filter = filter
  }

  /// Why the work was left off.
  var stopReason: NotRunReason? { left.stopReason }
  /// The number of entries that were looked at.
  var visitedEntryCount: UInt64 { left.visitedEntryCount }

  /// Counts the entries of a table, and asks whether there is time for them.
  mutating func enter() -> Bool { left.enter() }

  /// What the table with a number maps; rights are those over all levels.
  func summary(_ number: Int) -> TableSummary { entries[number].summary }

  /// What the entry at `index` of a table leads to.
  func place<Memory: PhysicalMemory & ~Copyable>(
    _ index: Int, of address: UInt64, level: Level, denied: PageFacts, _ side: TableSide,
    _ leftMemory: borrowing Memory, _ rightMemory: borrowing Memory
  ) -> TablePlace {
    let node =
      side == .left
      ? left.node(index, of: address, level: level, in: leftMemory)
      : right.node(index, of: address, level: level, in: rightMemory)
    switch node {
    case .absent: return .nothing
    case .leaf(let entry):
      return .pages(
        filter.facts(of: entry, denied: denied),
        physical: filter.address(entry.pageAddress.rawValue, plus: 0))
    case .table(let table, let lower, let more):
      return .table(table, lower, denied: denied.union(more))
    }
  }

  /// What is mapped from `place` down.
  ///
  /// - Complexity: 512 words for each use of a table that was not looked at before.
  mutating func meaning<Memory: PhysicalMemory & ~Copyable>(
    of place: TablePlace, _ side: TableSide, _ leftMemory: borrowing Memory,
    _ rightMemory: borrowing Memory
  ) -> TableMeaning {
    switch place {
    case .nothing: return .nothing
    case .pages(let facts, let physical): return .pages(facts, physical: physical)
    case .table(let address, let level, let denied):
      let use = Use(side: side, key: address | UInt64(level.rawValue), denied: denied)
      if let meaning = known[use] { return meaning }
      guard enter() else { return .nothing }
      let meanings = entryMeanings(address, level, denied, side, leftMemory, rightMemory)
      if stopReason != nil { return .nothing }
      let meaning = number(
        meanings,
        Entry(
          address: address, level: level, denied: denied, side: side,
          summary: summary(of: meanings, level)), leftMemory, rightMemory)
      known[use] = meaning
      return meaning
    }
  }

  private mutating func entryMeanings<Memory: PhysicalMemory & ~Copyable>(
    _ address: UInt64, _ level: Level, _ denied: PageFacts, _ side: TableSide,
    _ leftMemory: borrowing Memory, _ rightMemory: borrowing Memory
  ) -> [TableMeaning] {
    var meanings: [TableMeaning] = []
    meanings.reserveCapacity(512)
    for index in 0..<512 {
      let place = place(
        index, of: address, level: level, denied: denied, side, leftMemory, rightMemory)
      meanings.append(meaning(of: place, side, leftMemory, rightMemory))
    }
    return meanings
  }

  private func summary(of meanings: [TableMeaning], _ level: Level) -> TableSummary {
    var summary = TableSummary()
    for (index, meaning) in meanings.enumerated() {
      let linear = UInt64(index) &* level.span
      switch meaning {
      case .nothing: break
      case .pages(let facts, let physical):
        // Where addresses do not count, every page leads where a table of pages would have it.
        summary.addPages(
          facts, at: filter.ignoresAddress ? 0 : linear, to: physical, byteCount: level.span)
      case .table(let number):
        summary.add(
          entries[number].summary, at: filter.ignoresAddress ? 0 : linear, denied: [])
      }
    }
    return summary
  }

  /// The number of a table with these meanings, or the meaning where no number is needed.
  private mutating func number<Memory: PhysicalMemory & ~Copyable>(
    _ meanings: [TableMeaning], _ entry: Entry, _ leftMemory: borrowing Memory,
    _ rightMemory: borrowing Memory
  ) -> TableMeaning {
    let summary = entry.summary
    if summary.byteCount == 0 { return .nothing }
    if summary.byteCount == entry.level.span &* 512, summary.isContiguous,
      summary.spread.varying.isEmpty
    {
      return .pages(summary.spread.all, physical: summary.offset)
    }
    var hasher = Hasher()
    hasher.combine(entry.level)
    for meaning in meanings { hasher.combine(meaning) }
    let hash = hasher.finalize()
    for number in numbers[hash] ?? [] where entries[number].level == entry.level {
      let other = entries[number]
      // Numbers are given by what tables say, never by a hash alone.
      let same = entryMeanings(
        other.address, other.level, other.denied, other.side, leftMemory, rightMemory)
      if same == meanings { return .table(number) }
    }
    entries.append(entry)
    numbers[hash, default: []].append(entries.count - 1)
    return .table(entries.count - 1)
  }
}
