// Cursor, take and protect: one page, or one whole table, at a time.

public import MMU

/// What ``Cursor/takeNext(byteCount:allocator:)`` removed.
@frozen public enum RemovedFragment<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// One page, with its ownership and its last accessed and dirty bits.
  case page(at: LinearAddress, PageItem<Configuration>)
  /// A table that the range covered whole, marked as unlinked; it and what its pages own are given
  /// back when the handle goes.
  case table(at: LinearAddress, byteCount: UInt64, NodeHandle<Configuration>, SubtreeCount)
}

/// What is in a table and the tables below it.
@frozen public struct SubtreeCount: Hashable, Sendable {
  /// Pages by level of their leaf, from 4 KiB up.
  public internal(set) var pageCounts: [Level: UInt64] = [:]
  /// Tables, the first one included.
  public internal(set) var tableCount: UInt64 = 0
  /// Bytes that were mapped, pages that own nothing among them; tables do not count.
  public internal(set) var byteCount: UInt64 = 0
}

extension Cursor {
  /// Removes the next page, or whole table, among the next `byteCount` bytes.
  ///
  /// A large page that reaches out of those bytes is split. The cursor stands behind what was
  /// removed, or exactly behind those bytes when nothing is mapped there. Flush translation
  /// caches before the fragment is dropped.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: one step for each entry passed over, and linear in what a table that is taken
  ///   holds.
  public mutating func takeNext(
    byteCount: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> RemovedFragment<Configuration>? {
    let end = try limit(byteCount, &allocator)
    let start = position
    do throws(PageTableError) {
      guard try findRemovable(end, allocator: &allocator) else { return nil }
    } catch {
      move(to: start, allocator: &allocator)
      throw error
    }
    let address = LinearAddress(truncating: tables.address(position), width: .bits57)
    let span = Configuration.span(levelNumber)
    let level = level
    let old = tables.take(table, index)
    pendingPresent &-= 1
    cleanup = .emptyNodes
    let child: Child<Configuration>
    do throws(EntryError) {
      child = try Child(fromEntry: old, level: level, tables: tables)
    } catch {
      throw tables.invalid(old, position, levelNumber)
    }
    move(to: position &+ span, allocator: &allocator)
    switch consume child {
    case .none: return nil
    case .page(let item): return .page(at: address, item)
    case .table(let node):
      let count = tables.subtreeCount(node.table)
      node.markStray()
      return .table(at: address, byteCount: span, node, count)
    }
  }

  /// Changes the properties of the next page among the next `byteCount` bytes, and answers its
  /// addresses; nil when nothing is mapped there.
  ///
  /// A large page that reaches out of those bytes is split. A page that `change` leaves as it is
  /// is answered too. The cursor stands behind the page, or exactly behind those bytes. Accessed
  /// and dirty bits are observed in what `change` gets, and commanded only where it changes them.
  /// No translation cache is flushed.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: one step for each entry passed over, and the entries of each table that a split
  ///   makes.
  public mutating func protectNext(
    byteCount: UInt64, allocator: inout FrameAllocator,
    _ change: (PageProperties) throws(PageTableError) -> PageProperties
  ) throws(PageTableError) -> ClosedRange<LinearAddress>? {
    let end = try limit(byteCount, &allocator)
    let start = position
    guard try findLeaf(end, allocator: &allocator) else { return nil }
    guard case .page(let raw) = ChildReference(entry: entry, level: level, tables: tables) else {
      return nil
    }
    let wanted: PageProperties
    do throws(PageTableError) {
      wanted = try change(raw.properties)
      try tables.validate(wanted)
      try tables.check(
        &allocator, has: tables.tablesToSplit(level: levelNumber, clipped(end)))
    } catch {
      move(to: start, allocator: &allocator)
      throw error
    }
    try splitToFit(end, allocator: &allocator)
    if wanted.isUser { raiseLinks() }
    let edit = LeafDifference(
      from: raw.properties, to: wanted, level: levelNumber, in: Configuration.entryFormat)
    var found = entry
    while !edit.isEmpty,
      !tables.memory.compareExchangeEntry(table, index, &found, edit.applied(to: found))
    {}
    let first = LinearAddress(truncating: tables.address(position), width: .bits57)
    let span = Configuration.span(levelNumber)
    let last = LinearAddress(
      truncating: tables.address(position &+ (span &- 1)), width: .bits57)
    move(to: position &+ span, allocator: &allocator)
    return first...last
  }

  /// The part of the current entry's positions from the cursor up to `end`.
  @inlinable
  func clipped(_ end: UInt64) -> Range<UInt64> { position..<min(end, slot.upperBound) }

  /// Splits the leaf at the position until the cursor stands at the start of one that ends before
  /// `end`.
  @inlinable
  mutating func splitToFit(
    _ end: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    while position != slot.lowerBound || slot.upperBound > end {
      let node = try tables.splitLeaf(
        table, index, level: levelNumber, nodeLock: .held, allocator: &allocator)
      enter(node)
    }
  }

  /// Moves to the next leaf, or table that `end` covers whole, that can be removed.
  @inlinable
  mutating func findRemovable(
    _ end: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> Bool {
    var tablesLeft = tables.largestTableCount(allocator)
    while position < end {
      let entry = entry
      switch EntryClass(entry, level: levelNumber, in: Configuration.entryFormat) {
      case .leaf:
        let fits = position == slot.lowerBound && slot.upperBound <= end
        if !fits {
          try tables.check(
            &allocator, has: tables.tablesToSplit(level: levelNumber, clipped(end)))
          try splitToFit(end, allocator: &allocator)
        }
        return true
      case .table:
        let fits = position == slot.lowerBound && slot.upperBound <= end
        let mayGo =
          levelNumber < tables.rootLevel || Configuration.topLevelRemoval == .allowed
        if fits && mayGo {
          let child = try tables.child(of: entry, level: levelNumber, position: position)
          // Tables that lead to no page are passed over like anything else that maps nothing.
          var visited = VisitedTables()
          if tables.leadsToPage(child, level: levelNumber &- 1, visited: &visited) {
            try surveyTable(child, allocator)
            return true
          }
        }
        try push(entry, tablesLeft: &tablesLeft)
      case .absent, .invalid: move(to: min(end, slot.upperBound), allocator: &allocator)
      }
    }
    return false
  }
}

extension TableMemory {
  /// True when there is a page in a node or below it.
  @usableFromInline
  func leadsToPage(
    _ table: TableFrame, level: UInt64, visited: inout VisitedTables
  ) -> Bool {
    guard metadata.nodeState(of: table.frame).presentCount > 0,
      visited.isFirstVisit(table, level: level)
    else { return false }
    for index in 0..<Configuration.entryCount {
      let entry = memory.entry(table, index)
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: continue
      case .leaf: return true
      case .table:
        guard let child = memory.table(linkedBy: entry), level > 1 else { continue }
        if leadsToPage(child, level: level &- 1, visited: &visited) { return true }
      }
    }
    return false
  }

  /// Counts what is in a node and below it.
  @usableFromInline
  func subtreeCount(_ table: TableFrame) -> SubtreeCount {
    var count = SubtreeCount()
    var visited = VisitedTables()
    add(table, to: &count, visited: &visited)
    return count
  }

  private func add(
    _ table: TableFrame, to count: inout SubtreeCount, visited: inout VisitedTables
  ) {
    guard visited.isFirstVisit(table, level: 0) else { return }
    count.tableCount += 1
    guard let level = metadata.nodeState(of: table.frame).level else { return }
    for index in 0..<Configuration.entryCount {
      switch ChildReference(entry: memory.entry(table, index), level: level, tables: self) {
      case .none: break
      case .table(let child, _): add(child, to: &count, visited: &visited)
      case .page:
        count.pageCounts[level, default: 0] += 1
        count.byteCount += Configuration.span(UInt64(level.rawValue))
      }
    }
  }
}
