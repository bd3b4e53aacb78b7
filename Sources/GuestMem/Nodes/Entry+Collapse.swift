// Entry, collapse: a node whose leaves are one page becomes that page.

internal import MMU

extension Entry {
  /// Replaces a table of leaves that continue each other, with the same properties besides
  /// accessed and dirty, by one large leaf; the inverse of ``splitIfLarge(allocator:)``.
  ///
  /// The large leaf has the accessed and dirty bits of all pieces, those among them that hardware
  /// sets up to the moment the entry is replaced. A processor that still holds a piece's
  /// translation may set a bit in the node after that, and the node's frame is in the allocator
  /// again: flush all translation caches before anything is allocated. Where no bit may be lost,
  /// use ``collapse(allocator:breakBeforeMake:)``.
  ///
  /// - Returns: true when the entry is a leaf now; false when it links no table.
  /// - Throws: ``EntryError/notUniform(level:index:)``, ``EntryError/leafUnsupported(level:)``,
  ///   ``EntryError/invalidPhysicalAddress(_:level:)``, ``EntryError/topLevelRemoval(index:)``,
  ///   ``EntryError/busy(nodeAddress:holder:)``, ``EntryError/foreignAllocator``.
  /// - Complexity: reads the entries of the node twice.
  @inlinable
  public mutating func collapse(allocator: inout FrameAllocator) throws(EntryError) -> Bool {
    guard let (node, whole) = try collapsible(allocator) else { return false }
    _ = tables.memory.exchangeEntry(table, index, whole)
    let late = status(of: node)
    if late & ~whole != 0 { tables.memory.addBits(table, index, late) }
    finishCollapse(of: node, allocator: &allocator)
    return true
  }

  /// The same in strict order: the entry is absent while `flush` runs.
  ///
  /// It must flush all translation caches, so that no processor holds a piece beside the large leaf
  /// and no bit comes too late. An access in between faults.
  ///
  /// - Returns: true when the entry is a leaf now; false when it links no table.
  /// - Throws: as ``collapse(allocator:)``; `flush` has not run then.
  @inlinable
  public mutating func collapse(
    allocator: inout FrameAllocator, breakBeforeMake flush: () -> Void
  ) throws(EntryError) -> Bool {
    guard let (node, whole) = try collapsible(allocator) else { return false }
    _ = tables.memory.exchangeEntry(table, index, 0)
    flush()
    tables.memory.setEntry(table, index, whole | status(of: node))
    finishCollapse(of: node, allocator: &allocator)
    return true
  }

  /// The node that the entry links and the leaf that says the same, or nil when it links none.
  @inlinable
  func collapsible(
    _ allocator: borrowing FrameAllocator
  ) throws(EntryError) -> (TableFrame, UInt64)? {
    guard case .table(let node, let lower) = reference else { return nil }
    try checkNode()
    guard allocator.metadata.isSame(as: tables.metadata) else { throw .foreignAllocator }
    guard levelNumber <= tables.highestLeafLevel else { throw .leafUnsupported(level: level) }
    if level == tables.rootTableLevel, Configuration.topLevelRemoval == .forbidden {
      throw .topLevelRemoval(index: index)
    }
    guard tables.metadata.nodeState(of: node.frame).isFree else { throw tables.busy(node) }
    let status: UInt64 = EntryBits.accessed | EntryBits.dirty
    let first = tables.memory.entry(node, 0)
    let step = Configuration.span(levelNumber &- 1)
    var bits = first
    for index in 0..<Configuration.entryCount {
      let piece = tables.memory.entry(node, index)
      guard case .leaf = EntryClass(piece, level: levelNumber &- 1, in: Configuration.entryFormat),
        (piece ^ (first &+ UInt64(index) &* step)) & ~status == 0
      else { throw .notUniform(level: lower, index: index) }
      bits |= piece & status
    }
    let whole = EntryBits.wholeBits(
      bits, pieceLevel: levelNumber &- 1, shift: Configuration.shift(levelNumber &- 1),
      in: Configuration.entryFormat)
    let address = EntryBits.leafAddress(first, shift: Configuration.shift(levelNumber &- 1))
    guard address & (Configuration.span(levelNumber) &- 1) == 0 else {
      throw .invalidPhysicalAddress(address, level: level)
    }
    return (node, whole | address)
  }

  /// The accessed and dirty bits of the node's leaves.
  @inlinable
  func status(of node: TableFrame) -> UInt64 {
    var bits: UInt64 = 0
    for index in 0..<Configuration.entryCount { bits |= tables.memory.entry(node, index) }
    return bits & (EntryBits.accessed | EntryBits.dirty)
  }

  /// Gives the node back: the large leaf owns what the pieces owned, so that they are not dropped.
  @inlinable
  mutating func finishCollapse(of node: TableFrame, allocator: inout FrameAllocator) {
    snapshot = tables.memory.entry(table, index)
    tables.changeState(of: node) { $0.isStray = true }
    allocator.returnNodeFrame(node.frame)
  }
}
