// TableMemory, remove: entries become absent, and tables that become empty go.

internal import MMU

extension TableMemory {
  /// The number of tables needed so that no leaf reaches across an end of `range`.
  @inlinable
  func tablesToSplit(
    at range: Range<UInt64>, _ table: TableFrame, level: UInt64
  ) throws(PageTableError) -> UInt64 {
    let mask = Configuration.span(level) &- 1
    var parts = Configuration.parts(of: range, at: level)
    guard let first = parts.next() else { return 0 }
    let last = max(range.lowerBound, (range.upperBound &- 1) & ~mask)..<range.upperBound
    var count = try tablesToSplit(inEntryOf: table, level: level, first)
    if last.lowerBound >= first.upperBound {
      count &+= try tablesToSplit(inEntryOf: table, level: level, last)
    }
    return count
  }

  @inlinable
  func tablesToSplit(
    inEntryOf table: TableFrame, level: UInt64, _ range: Range<UInt64>
  ) throws(PageTableError) -> UInt64 {
    // Entries that are covered whole need no split, whatever they are.
    guard range.byteCount < Configuration.span(level) else { return 0 }
    let entry = memory.entry(table, Configuration.index(range.lowerBound, level))
    switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
    case .absent: return 0
    case .leaf: return tablesToSplit(level: level, range)
    case .table:
      // Its lock may be the caller's own.
      guard let child = memory.table(linkedBy: entry),
        metadata.nodeState(of: child.frame).isNode(ofLevelNumber: level &- 1)
      else { throw invalid(entry, range.lowerBound, level) }
      return try tablesToSplit(at: range, child, level: level &- 1)
    case .invalid: throw invalid(entry, range.lowerBound, level)
    }
  }

  /// Removes what is mapped in `range`; leaves that reach out of it are split on the way.
  @inlinable
  func removeRange(
    _ table: TableFrame, level: UInt64, _ range: Range<UInt64>, allocator: inout FrameAllocator,
    report: inout UnmapReport
  ) throws(PageTableError) {
    if level == 1 && liveness == .offline && Configuration.leafOwnership == .none {
      let first = Configuration.index(range.lowerBound, 1)
      let last = Configuration.index(range.upperBound &- 1, 1)
      let count = memory.clearUnwalked(Configuration.self, table, first..<last &+ 1)
      report.add(count, at: 1)
      return addPresent(0 &- Int(truncatingIfNeeded: count), to: table)
    }
    let span = Configuration.span(level)
    var removed = 0
    if level == 2 && Configuration.leafOwnership == .none && liveness == .offline
      && (rootLevel > 2 || Configuration.topLevelRemoval == .allowed)
    {
      removed = freePageTables(table, range, allocator: &allocator, report: &report)
    }
    defer { addPresent(0 &- removed, to: table) }
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      let entry = memory.entry(table, index)
      let isWhole = part.byteCount == span
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent: break
      case .leaf where isWhole:
        releaseFrames(take(table, index), level: level, allocator: &allocator)
        report.add(1, at: level)
        removed &+= 1
      case .invalid:
        // Nobody maps anything by it; only an entry that is covered whole is cleaned away.
        if isWhole { take(table, index) }
      case .leaf:
        let child = try splitLeaf(table, index, level: level, allocator: &allocator)
        try removeRange(
          child, level: level &- 1, part, allocator: &allocator, report: &report)
      case .table:
        guard let child = memory.table(linkedBy: entry) else {
          if isWhole { take(table, index) }
          break
        }
        let mayGo = level < rootLevel || Configuration.topLevelRemoval == .allowed
        if isWhole && mayGo {
          take(table, index)
          removed &+= 1
          freeTables(child, level: level &- 1, allocator: &allocator, report: &report)
        } else {
          try removeRange(
            child, level: level &- 1, part, allocator: &allocator, report: &report)
          if mayGo && metadata.nodeState(of: child.frame).presentCount == 0 {
            take(table, index)
            removed &+= 1
            allocator.returnNodeFrame(child.frame)
            report.freedTableCount &+= 1
          }
        }
      }
    }
  }

  /// Gives back the shares of frames that a removed leaf owned.
  @inlinable
  func releaseFrames(_ entry: UInt64, level: UInt64, allocator: inout FrameAllocator) {
    guard Configuration.leafOwnership.isTracked(entry) else { return }
    let shift = Configuration.shift(level)
    let first = EntryBits.leafAddress(entry, shift: shift) &>> 12
    for frame in metadata.frames(from: first, count: 1 &<< (shift &- 12))
    where metadata.removePageOwner(of: frame) == .none {
      allocator.returnNodeFrame(frame)
    }
  }

  /// Unlinks and gives back the level-1 tables that `range` covers whole, of pages that own nothing
  /// and that no processor walks; answers how many.
  ///
  /// What is anything else stays for the caller. How many pages a table has stands in its metadata.
  @inlinable @inline(__always)
  func freePageTables(
    _ table: TableFrame, _ range: Range<UInt64>, allocator: inout FrameAllocator,
    report: inout UnmapReport
  ) -> Int {
    let shift = Configuration.shift(2)
    let span: UInt64 = 1 &<< shift
    let first = (range.lowerBound &+ (span &- 1)) &>> shift
    let end = range.upperBound &>> shift
    guard first < end else { return 0 }
    var position = first
    var returned = ReturnedNodes(to: allocator)
    while position < end {
      let index = Int(truncatingIfNeeded: position) & (Configuration.entryCount &- 1)
      position &+= 1
      guard let child = nearTable(linkedBy: memory.entry(table, index)),
        returned.add(child, in: metadata)
      else { continue }
      memory.setEntry(table, index, 0)
    }
    returned.goBack(to: &allocator, report: &report)
    return Int(truncatingIfNeeded: returned.count)
  }

  /// Gives back a table that nothing links to any more, and all tables below it.
  @inlinable
  func freeTables(
    _ table: TableFrame, level: UInt64, allocator: inout FrameAllocator,
    report: inout UnmapReport
  ) {
    let state = metadata.nodeState(of: table.frame)
    // A frame that is no table of this level was linked by somebody else: it stays theirs.
    guard state.isNode(ofLevelNumber: level) else { return }
    if level == 1 && Configuration.leafOwnership == .none {
      report.add(UInt64(truncatingIfNeeded: state.presentCount), at: 1)
      allocator.returnNodeFrame(table.frame)
      report.freedTableCount &+= 1
      return
    }
    var returned = ReturnedNodes(to: allocator)
    for index in 0..<Configuration.entryCount {
      let entry = memory.entry(table, index)
      if entry == 0 { continue }
      if level == 2 && Configuration.leafOwnership == .none,
        let child = nearTable(linkedBy: entry), returned.add(child, in: metadata)
      {
        continue
      }
      returned.goBack(to: &allocator, report: &report)
      freeEntry(entry, level: level, allocator: &allocator, report: &report)
      returned = ReturnedNodes(to: allocator)
    }
    returned.goBack(to: &allocator, report: &report)
    allocator.returnNodeFrame(table.frame)
    report.freedTableCount &+= 1
  }

  /// Gives back what an entry of a table that goes leads to.
  @inlinable @inline(never)
  func freeEntry(
    _ entry: UInt64, level: UInt64, allocator: inout FrameAllocator, report: inout UnmapReport
  ) {
    switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
    case .absent, .invalid: break
    case .leaf:
      releaseFrames(entry, level: level, allocator: &allocator)
      report.add(1, at: level)
    case .table:
      guard let child = memory.table(linkedBy: entry) else { break }
      freeTables(child, level: level &- 1, allocator: &allocator, report: &report)
    }
  }
}
