// TableMemory, survey: a look at the tables below a range before an operation goes through them.

internal import MMU

/// What an operation is about to do with the tables of a range.
@frozen @usableFromInline enum SurveyPurpose: Hashable, Sendable {
  /// Tables that the range covers whole go: nobody may hold their locks.
  case removal
  /// Entries of all of them are read and changed.
  case change
}

extension TableMemory {
  /// Moves over entries of a level-2 table that link free tables: nearly all are such.
  @inlinable @inline(__always)
  func passFreePageTables(
    _ table: TableFrame, _ parts: inout RangeParts, tablesLeft: inout UInt64
  ) {
    let shift = Configuration.shift(2)
    let first = parts.position &>> shift
    let end = (parts.end &+ (1 &<< shift &- 1)) &>> shift
    let last = first &+ min(end &- first, tablesLeft)
    var number = first
    while number < last,
      let child = nearTable(
        linkedBy: memory.entry(
          table, Int(truncatingIfNeeded: number) & (Configuration.entryCount &- 1))),
      metadata.nearNodeState(of: child).isFreeNode(ofLevelNumber: 1)
    {
      number &+= 1
    }
    guard number > first else { return }
    tablesLeft &-= number &- first
    parts.position = min(parts.end, number &<< shift)
  }

  /// Throws what stands against an operation in the tables below `range`.
  ///
  /// They are a tree unless a guest linked some of them more often, which makes few tables look like
  /// more than anybody can go through. `tablesLeft` is the number of tables that there can be.
  ///
  /// - Throws: ``PageTableError/busy(linearAddress:level:holder:)`` before a removal,
  ///   ``PageTableError/invalidEntry(linearAddress:level:entry:)`` before a change.
  @inlinable @inline(never)
  func survey(
    for purpose: SurveyPurpose, _ table: TableFrame, level: UInt64, _ range: Range<UInt64>,
    tablesLeft: inout UInt64
  ) throws(PageTableError) {
    guard level > 1 else { return }
    var parts = Configuration.parts(of: range, at: level)
    while true {
      if level == 2 { passFreePageTables(table, &parts, tablesLeft: &tablesLeft) }
      guard let part = parts.next() else { return }
      let position = part.lowerBound
      let entry = memory.entry(table, Configuration.index(position, level))
      if case .table = EntryClass(entry, level: level, in: Configuration.entryFormat) {
        if let child = memory.table(linkedBy: entry),
          metadata.nodeState(of: child.frame).isNode(ofLevelNumber: level &- 1)
        {
          if purpose == .removal && metadata.nodeState(of: child.frame).isLocked {
            throw busy(child, level: level &- 1, position: position)
          }
          if tablesLeft == 0 {
            // A removal frees each of them once, however often it is linked.
            if purpose == .removal { return }
            throw invalid(entry, position, level)
          }
          tablesLeft &-= 1
          try survey(
            for: purpose, child, level: level &- 1, part, tablesLeft: &tablesLeft)
        } else if purpose == .change {
          throw invalid(entry, position, level)
        }
      }
    }
  }
}

extension TableMemory {
  /// No table has more tables below it.
  @inlinable
  func largestTableCount(_ allocator: borrowing FrameAllocator) -> UInt64 {
    // A cursor may be handed the allocator of other memory.
    guard allocator.metadata.isSame(as: metadata) else { return metadata.frameCount }
    return allocator.countedEnd &- min(allocator.lowestCounted, allocator.countedEnd)
  }
}

/// The tables that a walk over everything has come to, so that it goes through each of them once.
@usableFromInline struct VisitedTables {
  /// The addresses, with the level in the low bits.
  private var tables: Set<UInt64> = []

  @usableFromInline init() {}

  /// Notes a table; says whether it is a new one.
  @usableFromInline
  mutating func isFirstVisit(_ table: TableFrame, level: UInt64) -> Bool {
    tables.insert(table.address | level).inserted
  }
}
