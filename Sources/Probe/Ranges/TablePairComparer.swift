// TablePairComparer: holds the tables of two images against each other, in the time of tables.

import GuestMem
import MMU

/// Compares all that two sets of tables map.
///
/// Tables that map the same have the same number in a book, so that what is equal is passed over
/// whole, however much it maps. Two tables that differ are looked into once; where the same two meet
/// again it is one difference.
struct TablePairComparer {
  var book: TableBook
  private var result = RangeComparison()
  private var joiner = DifferenceJoiner()
  private var expanded: [Pair: Findings] = [:]
  let ignored: RangeProperties
  private let tables: (left: PageTables, right: PageTables)

  struct Pair: Hashable {
    let left: TableMeaning
    let right: TableMeaning
  }

  /// What was found in a pair of tables, to be said again where they meet again.
  struct Findings {
    var properties: RangeProperties = []
    var kinds: Set<RangeDifferenceKind> = []

    mutating func formUnion(_ other: Findings) {
      properties.formUnion(other.properties)
      kinds.formUnion(other.kinds)
    }
  }

  init(
    _ left: PageTables, _ right: PageTables, pageAttributeTable: UInt64,
    ignoring properties: RangeProperties, reasonToStop: @escaping () -> NotRunReason?
  ) {
    tables = (left, right)
    ignored = properties
    book = TableBook(
      left: left, right: right,
      filter: FactFilter(ignoring: properties, pageAttributeTable: pageAttributeTable),
      reasonToStop: reasonToStop)
    result.pageAttributeTable = pageAttributeTable
  }

  /// Compares everything.
  mutating func run<Memory: PhysicalMemory & ~Copyable>(
    _ leftMemory: borrowing Memory, _ rightMemory: borrowing Memory
  ) -> RangeComparison {
    let levels = (tables.left.configuration.rootLevel, tables.right.configuration.rootLevel)
    let level = max(levels.0, levels.1)
    let width =
      (levels.0 == level ? tables.left : tables.right).configuration.linearAddressWidth
    for index in 0..<512 {
      if book.stopReason != nil { break }
      let first = width.signExtended(UInt64(index) &* level.span)
      if levels.0 == levels.1 {
        _ = compare(
          rootPlace(index, .left, leftMemory, rightMemory),
          rootPlace(index, .right, leftMemory, rightMemory), first, level, leftMemory, rightMemory)
      } else {
        compareMixed(index, first, isLeftWide: levels.0 == level, leftMemory, rightMemory)
      }
    }
    joiner.finish(&result)
    if let reason = book.stopReason, result.unfinished == nil { leaveOff(at: 0, reason) }
    result.visitedEntryCount = book.visitedEntryCount
    return result
  }

  /// What an entry of a root leads to.
  private func rootPlace<Memory: PhysicalMemory & ~Copyable>(
    _ index: Int, _ side: TableSide, _ leftMemory: borrowing Memory,
    _ rightMemory: borrowing Memory
  ) -> TablePlace {
    let tables = side == .left ? tables.left : tables.right
    return book.place(
      index, of: tables.rootAddress.rawValue, level: tables.configuration.rootLevel, denied: [],
      side, leftMemory, rightMemory)
  }

  /// An entry of a PML5 against the half of a PML4 whose addresses it has, if any.
  ///
  /// Source: Intel SDM volume 3A, section 5.5: 48-bit addresses are those of 57 bits whose bits
  /// 56:47 are alike.
  private mutating func compareMixed<Memory: PhysicalMemory & ~Copyable>(
    _ index: Int, _ first: UInt64, isLeftWide: Bool, _ leftMemory: borrowing Memory,
    _ rightMemory: borrowing Memory
  ) {
    let (wide, narrow): (TableSide, TableSide) = isLeftWide ? (.left, .right) : (.right, .left)
    let upper = rootPlace(index, wide, leftMemory, rightMemory)
    let half = index == 0 ? 0..<256 : index == 511 ? 256..<512 : 0..<0
    for lower in 0..<512 {
      var place = TablePlace.nothing
      if case .table(let table, let level, let denied) = upper {
        place = book.place(
          lower, of: table, level: level, denied: denied, wide, leftMemory, rightMemory)
      }
      let other =
        half.contains(lower)
        ? rootPlace(lower, narrow, leftMemory, rightMemory) : TablePlace.nothing
      _ = compare(
        isLeftWide ? place : other, isLeftWide ? other : place,
        first &+ UInt64(lower) &* Level.pageMapLevel4.span, .pageMapLevel4, leftMemory,
        rightMemory)
    }
  }

  /// What an entry at `level` that covers addresses from `first` on leads to, on each side.
  private mutating func compare<Memory: PhysicalMemory & ~Copyable>(
    _ old: TablePlace, _ new: TablePlace, _ first: UInt64, _ level: Level,
    _ leftMemory: borrowing Memory, _ rightMemory: borrowing Memory
  ) -> Findings {
    let left = book.meaning(of: old, .left, leftMemory, rightMemory)
    let right = book.meaning(of: new, .right, leftMemory, rightMemory)
    if let reason = book.stopReason {
      leaveOff(at: first, reason)
      return Findings()
    }
    if left == right { return Findings() }
    let pair = Pair(left: left, right: right)
    let (before, after) = (TablePlace(left, or: old), TablePlace(right, or: new))
    let last = first &+ (level.span &- 1)
    let lower: Level
    switch (before, after) {
    case (.table(_, let level, _), _), (_, .table(_, let level, _)): lower = level
    default: return addPages(before, after, first, last)
    }
    if let whole = onlySide(left, right, first, last) {
      add(whole)
      return Findings(properties: [], kinds: [whole.kind])
    }
    if let known = expanded[pair] {
      addAgain(pair, known, first, last)
      return known
    }
    guard result.differenceCount < RangeComparison.keptCount else {
      addAgain(pair, Findings(properties: [], kinds: [.different]), first, last)
      return Findings()
    }
    guard book.enter() else { return Findings() }
    var findings = Findings()
    for index in 0..<512 {
      findings.formUnion(
        compare(
          entry(index, of: before, lower, .left, leftMemory, rightMemory),
          entry(index, of: after, lower, .right, leftMemory, rightMemory),
          first &+ UInt64(index) &* lower.span, lower, leftMemory, rightMemory))
      if book.stopReason != nil { return findings }
    }
    expanded[pair] = findings
    return findings
  }

  /// What one of 512 parts of a place leads to.
  private func entry<Memory: PhysicalMemory & ~Copyable>(
    _ index: Int, of place: TablePlace, _ level: Level, _ side: TableSide,
    _ leftMemory: borrowing Memory, _ rightMemory: borrowing Memory
  ) -> TablePlace {
    switch place {
    case .nothing: .nothing
    case .pages(let facts, let physical):
      .pages(
        facts, physical: book.filter.address(physical, plus: UInt64(index) &* level.span))
    case .table(let address, let level, let denied):
      book.place(
        index, of: address, level: level, denied: denied, side, leftMemory, rightMemory)
    }
  }

  mutating func add(_ difference: RangeDifference) {
    joiner.add(difference, to: &result)
  }

  private mutating func leaveOff(at address: UInt64, _ reason: NotRunReason) {
    guard result.unfinished == nil else { return }
    result.unfinished = UnfinishedRanges(linearAddress: address, rangeCount: 0, reason: reason)
  }
}
