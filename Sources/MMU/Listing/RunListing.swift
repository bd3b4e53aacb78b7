// RunListing: all mappings of a root as runs, in the order of linear addresses.

/// What a listing consists of.
@frozen public enum ListedItem: Hashable, Sendable {
  /// Pages.
  case run(MappedRun)
  /// Addresses that go through tables which were listed before, at `original`.
  ///
  /// `byteCount` bytes from `linearAddress` on repeat the `unit` bytes from `original` on.
  case repetition(linearAddress: UInt64, byteCount: UInt64, original: UInt64, unit: UInt64)
  /// Entries that are present and map nothing.
  case deadEnd(DeadEnd)
}

/// How a listing treats tables that it comes to more than once.
@frozen public enum SharedTablePolicy: Hashable, Sendable {
  /// Lists what is below them again, each time.
  case expand
  /// Lists what is below them once for each set of inherited rights, then refers to that.
  case once
  /// Expands while there are at most this many leaves and tables in all, otherwise once.
  case expandUpTo(UInt64)

  /// Expands up to 2^23 leaves and tables.
  @inlinable public static var automatic: Self { .expandUpTo(1 << 23) }
}

/// Hears of the items of a listing.
public protocol ListingReceiver {
  /// One item; the order is that of linear addresses, the lower half first.
  mutating func receive(_ item: ListedItem) -> ListingDecision
}

/// Whether a listing goes on.
@frozen public enum ListingDecision: Sendable {
  /// There is interest in the next item.
  case goOn
  /// There is none.
  case stop
}

extension PageTables {
  /// Lists every mapping, as runs that are as long as they can be.
  ///
  /// - Complexity: with ``SharedTablePolicy/once`` proportional to the number of tables, times the
  ///   sets of rights they inherit (at most 8); nothing is kept but one run and the tables' keys.
  @inlinable
  public func list<Memory: PhysicalMemory & ~Copyable, Receiver: ListingReceiver>(
    in memory: borrowing Memory, shared policy: SharedTablePolicy = .automatic,
    to receiver: inout Receiver
  ) {
    let expands: Bool
    switch policy {
    case .expand: expands = true
    case .once: expands = false
    case .expandUpTo(let limit):
      let cost = cost(in: memory)
      expands = cost.leafCount <= limit && cost.tableCount <= limit
    }
    var lister = RunLister(receiver, expandsSharedTables: expands)
    traverse(in: memory, &lister)
    lister.finish()
    receiver = lister.receiver
  }
}

/// Turns entries into items.
@usableFromInline
struct RunLister<Receiver: ListingReceiver>: TableVisitor {
  @usableFromInline var receiver: Receiver
  @usableFromInline let expandsSharedTables: Bool
  @usableFromInline var seen: [TableKey: UInt64] = [:]
  @usableFromInline var pending: ListedItem?
  @usableFromInline var sequel = RunSequel()
  @usableFromInline var isStopped = false

  @inlinable
  init(_ receiver: Receiver, expandsSharedTables: Bool) {
    self.receiver = receiver
    self.expandsSharedTables = expandsSharedTables
  }

  @inlinable
  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    if isStopped { return .stop }
    if expandsSharedTables { return .enter }
    if let original = seen[table.key] {
      settle()
      let unit = (table.level.upper ?? table.level).span
      take(
        .repetition(
          linearAddress: table.linearAddress, byteCount: unit, original: original, unit: unit))
      return isStopped ? .stop : .skip
    }
    seen[table.key] = table.linearAddress
    return .enter
  }

  @inlinable
  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if sequel.takes(entry, in: table) { return .enter }
    settle()
    guard case .page(let size) = entry.kind else {
      if let end = DeadEnd(entry, in: table) { take(.deadEnd(end)) }
      return isStopped ? .stop : .enter
    }
    let page = MappedRun(entry, size, inherited: table.inherited)
    if case .run(var run) = pending {
      if run.append(page) {
        pending = .run(run)
        sequel = RunSequel(of: entry, size, in: table)
        return .enter
      }
    }
    take(.run(page))
    sequel = RunSequel(of: entry, size, in: table)
    return isStopped ? .stop : .enter
  }

  /// Adds the leaves of the sequel to the run that is pending, and expects no more.
  @inlinable
  mutating func settle() {
    if sequel.pageCount > 0, case .run(var run) = pending {
      run.pageCount &+= sequel.pageCount
      run.accessedCount &+= sequel.isAccessed ? sequel.pageCount : 0
      run.dirtyCount &+= sequel.isDirty ? sequel.pageCount : 0
      pending = .run(run)
    }
    sequel = RunSequel()
  }

  /// Hands on what was pending and keeps `item` back, which may grow.
  @inlinable
  mutating func take(_ item: ListedItem) {
    if case .repetition(let start, let count, let original, let unit) = pending,
      case .repetition(let next, let more, original, unit) = item, next == start &+ count
    {
      pending = .repetition(
        linearAddress: start, byteCount: count &+ more, original: original, unit: unit)
      return
    }
    if case .deadEnd(var open) = pending, case .deadEnd(let next) = item, open.append(next) {
      pending = .deadEnd(open)
      return
    }
    if let pending, receiver.receive(pending) == .stop { isStopped = true }
    pending = item
  }

  @inlinable
  mutating func finish() {
    settle()
    if let pending, !isStopped { _ = receiver.receive(pending) }
    pending = nil
  }
}
