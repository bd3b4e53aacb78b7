// TableMemory, split: one large leaf becomes a table of smaller ones that say the same.

internal import MMU

extension TableRules {
  /// The number of tables needed so that no leaf reaches across an end of `range`, which lies
  /// inside one leaf at `level`.
  @inlinable
  package func tablesToSplit(level: UInt64, _ range: Range<UInt64>) -> UInt64 {
    let span = Configuration.span(level)
    guard level > 1, range.byteCount < span else { return 0 }
    let lower = level &- 1
    let mask = Configuration.span(lower) &- 1
    guard
      Configuration.index(range.lowerBound, lower)
        != Configuration.index(range.upperBound &- 1, lower)
    else { return 1 &+ tablesToSplit(level: lower, range) }
    var count: UInt64 = 1
    if range.lowerBound & mask != 0 {
      count &+= tablesToSplit(
        level: lower,
        range.lowerBound..<RangeParts.end(ofEntryAt: range.lowerBound, span: mask &+ 1))
    }
    if range.upperBound & mask != 0 {
      count &+= tablesToSplit(level: lower, range.upperBound & ~mask..<range.upperBound)
    }
    return count
  }
}

extension TableMemory {
  /// Replaces the leaf at `index` of a table at `level`, above 1, by a table of smaller leaves.
  ///
  /// A and D bits that hardware sets meanwhile go to every piece: the entry is exchanged only
  /// while it equals what the pieces were made from.
  @inlinable
  func splitLeaf(
    _ table: TableFrame, _ index: Int, level: UInt64, nodeLock: NewNodeLock = .free,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> TableFrame {
    let lower = level &- 1
    var entry = memory.entry(table, index)
    guard level > 1, case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat)
    else {
      throw invalid(entry, 0, level)
    }
    let count = Configuration.entryCount
    guard
      let child = newTable(level: lower, used: 0..<count, allocator: &allocator)
    else { throw .outOfFrames(needed: 1, available: allocator.freeFrames) }
    if nodeLock == .held {
      lockUnlinked(child, level: lower, presentCount: count)
    }
    let shift = Configuration.shift(level)
    while true {
      guard case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat) else {
        unlock(child)
        allocator.returnNodeFrame(child.frame)
        throw invalid(entry, 0, level)
      }
      let piece =
        EntryBits.pieceBits(
          entry, pieceLevel: lower, shift: shift, in: Configuration.entryFormat)
        | EntryBits.leafAddress(entry, shift: shift)
      memory.fillUnlinked(child, 0..<count, first: piece, step: Configuration.span(lower))
      let link = child.address | Configuration.entryFormat.link(above: entry)
      if memory.compareExchangeEntry(table, index, &entry, link) { return child }
    }
  }
}

/// Whether a new node is locked before it can be reached.
@frozen @usableFromInline enum NewNodeLock: Hashable, Sendable {
  /// Nobody holds the lock.
  case free
  /// The caller holds the lock.
  case held
}
