// EveryPageVisitor: every page that tables map, through every path, in few words.

import MMU

/// Hears of all pages that are mapped, in the order of linear addresses.
protocol EveryPageReceiver {
  /// What pages have in common that are treated alike.
  associatedtype Group: Hashable & Sendable
  /// True when no more stretches are wanted, and counts are enough.
  var isFull: Bool { get }
  /// What the pages of a leaf are treated as.
  mutating func group(of page: MappedRun) -> Group
  /// Pages that no others of their group go before or after.
  mutating func receive(_ stretch: PageStretch<Group>)
  /// Pages that are counted only, because the receiver is full.
  mutating func receive(_ counts: PageCounts, of group: Group)
}

/// So many stretches are remembered of a table.
private let keptStretchCount = 16

/// Goes through tables of any shape, as often as paths lead to them.
///
/// The pages below a table are remembered as stretches that begin where the table does, so that a
/// table with few of them is entered once for each level that it is used at and each set of rights
/// that it inherits. One with many is entered again for each path, until the receiver is full; from
/// there on its pages are counted.
///
/// - Complexity: 512 words for each table, level and set of rights, and at most 512 for each
///   `keptStretchCount` stretches that the receiver gets.
struct EveryPageVisitor<Receiver: EveryPageReceiver>: TableVisitor {
  private typealias Stretch = PageStretch<Receiver.Group>

  /// What is below a table.
  private struct Below {
    var stretches: [Stretch] = []
    /// What is in `stretches` no more.
    var counts: [Receiver.Group: PageCounts] = [:]

    /// True when `stretches` are all that there is.
    var isWhole: Bool { counts.isEmpty }

    mutating func take(_ next: Stretch) {
      if let last = stretches.indices.last, stretches[last].take(next) { return }
      if stretches.count == keptStretchCount { settle() }
      stretches.append(next)
    }

    mutating func take(_ other: Below, at offset: UInt64) {
      if !other.isWhole {
        settle()
        for (group, count) in other.counts { counts[group, default: PageCounts()].add(count) }
      }
      for stretch in other.stretches { take(stretch.moved(by: offset)) }
    }

    /// Counts the stretches in place of keeping them.
    mutating func settle() {
      for stretch in stretches {
        counts[stretch.group, default: PageCounts()].add(
          PageCounts(pageCount: stretch.pageCount, leafCount: stretch.leafCount))
      }
      stretches = []
    }
  }

  private var receiver: Receiver
  private var known: [TableKey: Below] = [:]
  private var open: [Below] = []
  /// The last stretch, which may go on.
  private var pending: Stretch?

  init(_ receiver: Receiver) { self.receiver = receiver }

  /// The receiver, when everything was gone through.
  mutating func finished() -> Receiver {
    flush()
    return receiver
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    guard let below = known[table.key] else {
      open.append(Below())
      return .enter
    }
    if below.isWhole {
      for stretch in below.stretches { emit(stretch.moved(by: table.linearAddress)) }
    } else if receiver.isFull {
      count(below)
    } else {
      open.append(Below())
      return .enter
    }
    add(below, at: table)
    return .skip
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    guard let last = open.indices.last else { return .enter }
    switch entry.kind {
    case .notPresent, .reservedBits, .tableOutsideMemory: return .skip
    case .table: return .enter
    case .page(let size):
      let page = MappedRun(entry, size, inherited: table.inherited)
      let group = receiver.group(of: page)
      open[last].take(Stretch(page, at: page.linearAddress &- table.linearAddress, group))
      emit(Stretch(page, at: page.linearAddress, group))
      return .skip
    }
  }

  mutating func leave(_ table: TableVisit) {
    guard let done = open.popLast() else { return }
    known[table.key] = done
    add(done, at: table)
  }

  /// Adds what is below a table to the table above it.
  private mutating func add(_ below: Below, at table: TableVisit) {
    guard let last = open.indices.last, let upper = table.level.upper else { return }
    open[last].take(below, at: table.linearAddress & (upper.span &* 512 &- 1))
  }

  private mutating func emit(_ stretch: Stretch) {
    if pending?.take(stretch) == true { return }
    flush()
    pending = stretch
  }

  private mutating func flush() {
    if let pending { receiver.receive(pending) }
    pending = nil
  }

  private mutating func count(_ below: Below) {
    flush()
    var counted = below
    counted.settle()
    for (group, counts) in counted.counts { receiver.receive(counts, of: group) }
  }
}
