// Coverage: addresses by which a processor reads every leaf entry and every link on the way to one.

import MMU

/// A link, that is an entry that points at a table, to tables whose entries are reached elsewhere.
struct CoveredLink: Hashable, Sendable {
  /// Where a leaf begins that is reached through the link.
  let leafAddress: UInt64
  /// The size of that leaf.
  let pageSize: PageSize
  /// Where the leaf leads.
  let physicalAddress: UInt64
  /// The number of 4 KiB pages that are mapped through the link.
  let pageCount: UInt64
  /// The bytes of addresses that go through the link.
  let byteCount: UInt64
}

/// Hears of the leaves and links that are to be executed, in the order of linear addresses.
protocol CoverageReceiver {
  /// How well a leaf serves to execute a link to it; 0 is best.
  func reluctance(_ size: PageSize, at physicalAddress: UInt64) -> Int
  /// A leaf that no other address of the coverage goes through with the same rights.
  mutating func receiveLeaf(_ page: MappedRun)
  /// A link to tables that were gone through before.
  mutating func receiveLink(_ link: CoveredLink)
  /// Addresses in one table that no entry of it maps; never in tables that were gone through before.
  mutating func receiveUnmapped(_ stretch: UnmappedStretch)
}

/// Neighbouring entries of one table that map nothing.
struct UnmappedStretch: Hashable, Sendable {
  let first: UInt64
  let last: UInt64
  /// The bytes of addresses that go through each of the entries.
  let entrySpan: UInt64
  /// The stretch is one entry that is present, and whose reserved bits or table's address let no
  /// access through.
  let isPresent: Bool
}

/// Goes through tables of any shape: each table is entered once for each level that it is used at
/// and each set of rights that it inherits.
///
/// What a processor does at an address depends on nothing but the entries that it reads on the way.
/// Every leaf entry is the receiver's at one address at least, and so is every entry on the way to a
/// leaf, at each level that its table is used at: those of a table that is entered lie on the way to
/// the leaves below, and one that leads to a table which was entered before is a link. A link with no
/// leaf below is on the way to none.
///
/// - Complexity: 512 words for each table, level and set of rights, however many addresses that
///   are.
struct CoverageVisitor<Receiver: CoverageReceiver>: TableVisitor {
  /// What is below a table.
  private struct Below {
    var pageCount: UInt64 = 0
    var leafCount: UInt64 = 0
    var way: Way?

    /// Prefers the first of the best.
    mutating func take(_ other: Way) {
      if other.reluctance < way?.reluctance ?? .max { way = other }
    }
  }

  /// The leaf that serves best to go through a table.
  private struct Way {
    let leafOffset: UInt64
    let size: PageSize
    let physicalAddress: UInt64
    let reluctance: Int

    func moved(by offset: UInt64) -> Way {
      Way(
        leafOffset: leafOffset &+ offset, size: size, physicalAddress: physicalAddress,
        reluctance: reluctance)
    }
  }

  private struct Open {
    var below = Below()
    /// The index of the first entry that has not been looked at.
    var next = 0
  }

  private(set) var receiver: Receiver
  /// True when every way to a table is gone through, as if there were no sharing.
  private let expandsSharedTables: Bool
  private var known: [TableKey: Below] = [:]
  private var open: [Open] = []

  /// The number of leaves, each way to one counted.
  private(set) var leafCount: UInt64 = 0

  init(_ receiver: Receiver, expandsSharedTables: Bool) {
    self.receiver = receiver
    self.expandsSharedTables = expandsSharedTables
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    if !expandsSharedTables, let below = known[table.key] {
      add(below, at: table)
      guard let way = below.way else { return .skip }
      receiver.receiveLink(
        CoveredLink(
          leafAddress: table.linearAddress &+ way.leafOffset, pageSize: way.size,
          physicalAddress: way.physicalAddress, pageCount: below.pageCount,
          byteCount: (table.level.upper ?? table.level).span))
      return .skip
    }
    open.append(Open())
    return .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    let last = open.count - 1
    guard last >= 0 else { return .enter }
    switch entry.kind {
    case .notPresent: return .skip
    case .reservedBits, .tableOutsideMemory:
      // Present, and yet nothing is mapped: the entry is a stretch of its own.
      finish(before: entry.index, in: table)
      finish(before: entry.index + 1, in: table, isPresent: true)
      return .skip
    case .table: break
    case .page(let size):
      let page = MappedRun(entry, size, inherited: table.inherited)
      let way = Way(
        leafOffset: UInt64(entry.index) &* table.level.span, size: size,
        physicalAddress: page.physicalAddress.rawValue,
        reluctance: receiver.reluctance(size, at: page.physicalAddress.rawValue))
      finish(before: entry.index, in: table)
      open[last].below.pageCount &+= size.byteCount >> 12
      open[last].below.leafCount &+= 1
      open[last].below.take(way)
      receiver.receiveLeaf(page)
      open[last].next = entry.index + 1
      return .skip
    }
    finish(before: entry.index, in: table)
    open[last].next = entry.index + 1
    return .enter
  }

  mutating func leave(_ table: TableVisit) {
    finish(before: 512, in: table)
    guard let done = open.popLast() else { return }
    known[table.key] = done.below
    if open.isEmpty { leafCount = done.below.leafCount } else { add(done.below, at: table) }
  }

  /// Tells of the entries before `index` that map nothing.
  private mutating func finish(before index: Int, in table: TableVisit, isPresent: Bool = false) {
    let last = open.count - 1
    guard last >= 0, open[last].next < index else { return }
    let next = open[last].next
    open[last].next = index
    let span = table.level.span
    // The root's upper half is sign-extended.
    let middle = table.parent == nil && next < 256 && index > 256 ? [256] : []
    for (first, end) in zip([next] + middle, middle + [index]) {
      var address = table.linearAddress &+ UInt64(first) &* span
      if table.parent == nil && first >= 256 { address |= 0 &- 256 &* span }
      receiver.receiveUnmapped(
        UnmappedStretch(
          first: address, last: address &+ (UInt64(end - first) &* span &- 1), entrySpan: span,
          isPresent: isPresent))
    }
  }

  private mutating func add(_ below: Below, at table: TableVisit) {
    let last = open.count - 1
    guard last >= 0, let upper = table.level.upper else { return }
    open[last].below.pageCount &+= below.pageCount
    open[last].below.leafCount &+= below.leafCount
    // The offset of the table in the table above it.
    let offset = table.linearAddress & (upper.span &* 512 &- 1)
    if let way = below.way { open[last].below.take(way.moved(by: offset)) }
  }
}
