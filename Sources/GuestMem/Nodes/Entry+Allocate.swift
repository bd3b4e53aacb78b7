// Entry, allocate and split: a new node below an entry, locked before it can be reached.

public import MMU

extension Entry {
  /// Links an empty node where the entry is absent, and answers its guard; nil when something is
  /// there or the node is at level 1.
  ///
  /// The node is locked by the caller before the entry is written, as a user entry.
  ///
  /// - Throws: ``EntryError/outOfFrames``, ``EntryError/foreignAllocator``, and
  ///   ``EntryError/stray(nodeAddress:)`` for a node that was given back meanwhile.
  @inlinable
  public mutating func allocateIfNone(
    allocator: inout FrameAllocator
  ) throws(EntryError) -> NodeGuard<Configuration>? {
    guard isNone, let lower = level.lower else { return nil }
    try checkNode()
    let node = try tables.newNode(level: lower, allocator: &allocator)
    tables.lockUnlinked(node, level: UInt64(lower.rawValue), presentCount: 0)
    let link = node.address | EntryBits.userLink
    // Another value of the table may have put something in since the entry was read.
    guard tables.memory.compareExchangeEntry(table, index, &snapshot, link) else {
      discard(node, allocator: &allocator)
      return nil
    }
    snapshot = link
    addPresent(1)
    return NodeGuard(locked: node, level: lower, tables: tables, userPages: childUserPages)
  }

  /// Replaces a leaf above level 1 by a node of smaller leaves that say the same, and answers the
  /// node's guard; nil when there is no such leaf.
  ///
  /// Accessed and dirty bits go to every piece: dirty is never lost, at the price of pieces that
  /// count as dirty though only a neighbour was written. The entry changes from leaf to table in
  /// one step while a processor may hold the old translation: flush it before the pieces are
  /// changed. Pieces of a tracked page own what the page owned.
  ///
  /// - Throws: ``EntryError/outOfFrames``, ``EntryError/foreignAllocator``, and
  ///   ``EntryError/stray(nodeAddress:)`` for a node that was given back meanwhile.
  @inlinable
  public mutating func splitIfLarge(
    allocator: inout FrameAllocator
  ) throws(EntryError) -> NodeGuard<Configuration>? {
    guard level > .pageTable, isLeaf else { return nil }
    try checkNode()
    guard allocator.metadata.isSame(as: tables.metadata) else { throw .foreignAllocator }
    if allocator.freeFrames == 0 { allocator.collectReturned() }
    let node: TableFrame
    do throws(PageTableError) {
      node = try tables.splitLeaf(
        table, index, level: levelNumber, nodeLock: .held, allocator: &allocator)
    } catch {
      if case .outOfFrames = error { throw .outOfFrames }
      throw invalid()
    }
    snapshot = tables.memory.entry(table, index)
    return NodeGuard(
      locked: node, level: levelNumbered(levelNumber &- 1), tables: tables,
      userPages: childUserPages)
  }

  /// The same in strict order: the entry is absent while `flush` runs.
  ///
  /// It must flush all translation caches, so that no processor ever holds translations of both
  /// sizes, which may end in a machine check by an erratum of some. The pieces get the accessed and
  /// dirty bits of the last moment; an access in between faults.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.2.3 (details of TLB use).
  ///
  /// - Throws: as ``splitIfLarge(allocator:)``; `flush` has not run then.
  @inlinable
  public mutating func splitIfLarge(
    allocator: inout FrameAllocator, breakBeforeMake flush: () -> Void
  ) throws(EntryError) -> NodeGuard<Configuration>? {
    guard let lower = level.lower, isLeaf else { return nil }
    try checkNode()
    let node = try tables.newNode(level: lower, allocator: &allocator)
    let count = Configuration.entryCount
    tables.lockUnlinked(node, level: UInt64(lower.rawValue), presentCount: count)
    var leaf = snapshot
    while !tables.memory.compareExchangeEntry(table, index, &leaf, 0) {
      snapshot = leaf
      guard isLeaf else {
        discard(node, allocator: &allocator)
        throw invalid()
      }
    }
    flush()
    let shift = Configuration.shift(levelNumber)
    tables.memory.fillUnlinked(
      node, 0..<count,
      first: EntryBits.pieceBits(
        leaf, pieceLevel: levelNumber &- 1, shift: shift, in: Configuration.entryFormat)
        | EntryBits.leafAddress(leaf, shift: shift),
      step: Configuration.span(levelNumber &- 1))
    snapshot = node.address | Configuration.entryFormat.link(above: leaf)
    tables.memory.setEntry(table, index, snapshot)
    return NodeGuard(locked: node, level: lower, tables: tables, userPages: childUserPages)
  }

  /// Gives back a new node that was locked and not linked.
  @inlinable
  func discard(_ node: TableFrame, allocator: inout FrameAllocator) {
    tables.unlock(node)
    allocator.returnNodeFrame(node.frame)
  }
}
