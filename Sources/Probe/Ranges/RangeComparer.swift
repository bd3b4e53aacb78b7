// RangeComparer: holds a list of asked ranges against tables, in the time of ranges and tables.

import GuestMem
import MMU

/// Compares asked ranges with what tables map.
///
/// A table that lies wholly in one range, or wholly between two, is compared by its summary: one
/// comparison of a few words, however much it maps and however often it is linked. Where a summary
/// does not agree, some page below does not; the table is then looked into once for each range, and
/// reached again it is one difference. Only tables in which a range begins or ends are looked into
/// for the ranges' sake.
struct RangeComparer {
  var summaries: TableSummaries
  private(set) var result: RangeComparison
  let ranges: [AskedRange]
  /// The asked recursive slot, by its position in `ranges`.
  private let recursiveRange: Int?
  /// The first range that does not end before the addresses at hand.
  private var cursor = 0
  private var joiner = DifferenceJoiner()
  private var expanded: Set<Expansion> = []

  private struct Expansion: Hashable {
    let table: UInt64
    let denied: PageFacts
    let range: Int?
  }

  /// `asked` need not be sorted.
  init(
    _ asked: [AskedRange], _ tables: PageTables, pageAttributeTable: UInt64,
    reasonToStop: @escaping () -> NotRunReason?
  ) {
    summaries = TableSummaries(tables, reasonToStop: reasonToStop)
    var result = RangeComparison()
    result.pageAttributeTable = pageAttributeTable
    result.askedCount = asked.count
    result.countUnsaid(asked)
    ranges = result.withoutOverlaps(asked)
    recursiveRange = ranges.firstIndex { $0.isRecursive }
    self.result = result
  }

  /// Compares everything.
  mutating func run<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> RangeComparison {
    let configuration = summaries.tables.configuration
    let level = configuration.rootLevel
    let width = configuration.linearAddressWidth
    let root = summaries.tables.rootAddress.rawValue
    if summaries.enter() {
      for index in 0..<512 {
        let first = width.signExtended(UInt64(index) &* level.span)
        if index == 256 { compareNonCanonical(below: first) }
        if let recursiveRange, isRootEntry(ranges[recursiveRange], first) {
          compareRecursive(ranges[recursiveRange], index, of: root, in: memory)
          continue
        }
        compare(
          summaries.node(index, of: root, level: level, in: memory), first, level, [], in: memory)
        if summaries.stopReason != nil { break }
      }
    }
    joiner.finish(&result)
    if let reason = summaries.stopReason, result.unfinished == nil { leaveOff(at: 0, reason) }
    result.visitedEntryCount = summaries.visitedEntryCount
    for index in result.differences.indices {
      result.differences[index].step =
        Walk(
          result.differences[index].first, cr3: root, configuration: configuration, in: memory
        ).lastStep
    }
    return result
  }

  /// An entry at `level` that covers addresses from `first` on.
  private mutating func compare<Memory: PhysicalMemory & ~Copyable>(
    _ node: TableNode, _ first: UInt64, _ level: Level, _ denied: PageFacts,
    in memory: borrowing Memory
  ) {
    if let reason = summaries.stopReason { return leaveOff(at: first, reason) }
    let last = first &+ (level.span &- 1)
    while cursor < ranges.count, ranges[cursor].last < first { cursor += 1 }
    guard cursor < ranges.count, ranges[cursor].first <= last else {
      return compareWhole(node, first, last, denied, range: nil, in: memory)
    }
    if ranges[cursor].first <= first && ranges[cursor].last >= last {
      return compareWhole(node, first, last, denied, range: cursor, in: memory)
    }
    guard case .table(let table, let lower, let more) = node else {
      return comparePieces(node, first, last, denied, in: memory)
    }
    guard summaries.enter() else { return }
    for index in 0..<512 {
      compare(
        summaries.node(index, of: table, level: lower, in: memory),
        first &+ UInt64(index) &* lower.span, lower, denied.union(more), in: memory)
    }
  }

  /// A leaf, or nothing, in whose addresses ranges begin or end.
  private mutating func comparePieces<Memory: PhysicalMemory & ~Copyable>(
    _ node: TableNode, _ first: UInt64, _ last: UInt64, _ denied: PageFacts,
    in memory: borrowing Memory
  ) {
    var next = first
    var index = cursor
    while true {
      var end = last
      var range: Int?
      if index < ranges.count, ranges[index].first <= last {
        if ranges[index].first > next {
          end = ranges[index].first - 1
        } else {
          end = min(last, ranges[index].last)
          range = index
        }
      }
      compareWhole(node, next, end, denied, range: range, in: memory)
      if end >= last { return }
      if range != nil { index += 1 }
      next = end + 1
    }
  }

  /// Addresses that lie wholly in one range, or in none.
  private mutating func compareWhole<Memory: PhysicalMemory & ~Copyable>(
    _ node: TableNode, _ first: UInt64, _ last: UInt64, _ denied: PageFacts, range: Int?,
    in memory: borrowing Memory
  ) {
    switch node {
    case .absent:
      if let range, case .mapped = ranges[range].content {
        add(
          RangeDifference(
            .notMapped, first: first, last: last, asked: ranges[range].part(first, last)))
      }
    case .leaf(let leaf):
      let size = (leaf.pageSize ?? .size4KiB).byteCount
      var summary = TableSummary()
      // Offsets count from `first` on, as those of a table do.
      summary.addLeaf(leaf, at: 0 &- (first & (size - 1)), byteCount: last - first + 1)
      _ = compare(summary, first, last, denied, range: range, isWhole: true)
    case .table(let table, let level, let more):
      let denied = denied.union(more)
      let summary = summaries.summary(of: table, level: level, in: memory)
      if let reason = summaries.stopReason { return leaveOff(at: first, reason) }
      // Uniform tables are one difference, the others are looked into.
      let isUniform =
        summary.byteCount == last - first + 1 && summary.isContiguous
        && summary.spread.without(denied).varying.isEmpty
      let expansion = Expansion(
        table: table | UInt64(level.rawValue), denied: denied, range: range)
      let isKnown =
        expanded.contains(expansion) || result.differenceCount >= RangeComparison.keptCount
      guard
        !compare(summary, first, last, denied, range: range, isWhole: isUniform || isKnown)
      else { return }
      expanded.insert(expansion)
      guard summaries.enter() else { return }
      for index in 0..<512 {
        let start = first &+ UInt64(index) &* level.span
        compareWhole(
          summaries.node(index, of: table, level: level, in: memory), start,
          start &+ (level.span &- 1), denied, range: range, in: memory)
        if let reason = summaries.stopReason { return leaveOff(at: start, reason) }
      }
    }
  }

  /// Holds a summary of addresses against what is said of them.
  ///
  /// Returns false when they differ and the difference was not added, because `isWhole` is false.
  private mutating func compare(
    _ summary: TableSummary, _ first: UInt64, _ last: UInt64, _ denied: PageFacts, range: Int?,
    isWhole: Bool
  ) -> Bool {
    let spread = summary.spread.without(denied)
    let byteCount = last - first
    let isFull = summary.byteCount > byteCount
    let asked = range.map { ranges[$0].part(first, last) }
    let kind: RangeDifferenceKind
    var properties: RangeProperties = []
    switch asked?.content {
    case .unsaid?: return true
    case nil, .absent?:
      if summary.leafCount == 0 { return true }
      kind = asked == nil ? .notAsked : .mustNotBeMapped
    case .mapped(let page)?, .recursive(let page)?:
      if summary.leafCount > 0 {
        properties = page.difference(from: spread).properties
        if let address = page.physicalAddress,
          !summary.isContiguous || summary.offset != address
        {
          properties.formUnion(RangeProperties(.physicalAddress))
        }
      }
      if properties.isEmpty && isFull { return true }
      kind = summary.leafCount == 0 ? .notMapped : .different
    }
    guard isWhole else { return false }
    let isEvery = isFull && summary.isContiguous && spread.varying.isEmpty
    add(
      RangeDifference(
        kind, first: first, last: last, asked: asked,
        found: summary.leafCount == 0
          ? nil
          : PageStatement(
            spread,
            physicalAddress: summary.isContiguous && isFull ? summary.offset : nil,
            basis: basis(of: asked)),
        properties: properties,
        isEveryPage: isEvery || summary.leafCount == 0, leafCount: summary.leafCount))
    return true
  }

  /// The rights that are shown are those that were asked about.
  private func basis(of asked: AskedRange?) -> AskedBasis {
    if case .mapped(let page)? = asked?.content { page.basis } else { .effective }
  }

  private mutating func compareNonCanonical(below upper: UInt64) {
    let half = 0 &- upper
    var index = cursor
    while index < ranges.count, ranges[index].first < upper {
      let first = max(ranges[index].first, half)
      let last = min(ranges[index].last, upper - 1)
      if first <= last, case .mapped = ranges[index].content {
        add(
          RangeDifference(
            .notMapped, first: first, last: last, asked: ranges[index].part(first, last)))
      }
      index += 1
    }
  }

  mutating func add(_ difference: RangeDifference) {
    joiner.add(difference, to: &result)
  }

  private mutating func leaveOff(at address: UInt64, _ reason: NotRunReason) {
    guard result.unfinished == nil else { return }
    result.unfinished = UnfinishedRanges(
      linearAddress: address, rangeCount: ranges.count - min(cursor, ranges.count),
      reason: reason)
  }
}
