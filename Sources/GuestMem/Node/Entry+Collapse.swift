// Entry, collapse: a node whose leaves are one page becomes that page.

internal import MMU

extension Entry {
  /// Replaces a table of leaves that continue each other, with the same properties besides
  /// accessed and dirty, by one large leaf; the inverse of ``splitIfLarge(allocator:)``.
  ///
  /// The large leaf has the accessed and dirty bits of all pieces, those among them that hardware
  /// sets up to the moment the entry is replaced. A processor that still holds a piece's
  /// translation may set bits in the node for a moment longer, so the node's frame goes back to
  /// the allocator only when the caller says it flushed: pass `allocator` then.
  ///
  /// Returns: true when the entry is a leaf now; false when it links no table.
  /// Throws: ``EntryError/notUniform(level:index:)`` and other ``EntryError``.
  @inlinable
  public mutating func collapse(allocator: inout FrameAllocator) throws(EntryError) -> Bool {
    guard case .table(let node, let lower) = reference else { return false }
    guard allocator.metadata.isSame(as: tables.metadata) else { throw .foreignAllocator }
    guard levelNumber <= tables.highestLeafLevel else { throw .leafUnsupported(level: level) }
    if level == tables.rootTableLevel, Configuration.topLevelRemoval == .forbidden {
      throw .topLevelRemoval(index: index)
    }
    let state = tables.metadata.nodeState(of: node.frame)
    guard !state.isLocked else { throw .busy(nodeAddress: node.address) }
    let status: UInt64 = EntryBits.accessed | EntryBits.dirty
    let first = tables.memory.entry(node, 0)
    let step = Configuration.span(levelNumber &- 1)
    var bits = first
    for index in 0..<Configuration.entryCount {
      let piece = tables.memory.entry(node, index)
      guard case .leaf = EntryClass(piece, level: levelNumber &- 1),
        (piece ^ (first &+ UInt64(index) &* step)) & ~status == 0
      else { throw .notUniform(level: lower, index: index) }
      bits |= piece & status
    }
    let whole = EntryBits.wholeBits(
      bits, pieceLevel: levelNumber &- 1, shift: Configuration.shift(levelNumber &- 1))
    let address = EntryBits.leafAddress(first, shift: Configuration.shift(levelNumber &- 1))
    guard address & (Configuration.span(levelNumber) &- 1) == 0 else {
      throw .invalidPhysicalAddress(address, level: level)
    }
    _ = tables.memory.exchangeEntry(table, index, whole | address)
    var late: UInt64 = 0
    for index in 0..<Configuration.entryCount {
      late |= tables.memory.entry(node, index) & status
    }
    if late & ~bits != 0 { tables.memory.addBits(table, index, late) }
    snapshot = tables.memory.entry(table, index)
    // The large leaf owns what the pieces owned, so the node goes without dropping them.
    var stray = state
    stray.isStray = true
    tables.metadata.setNodeState(stray, of: node.frame)
    allocator.returnNodeFrame(node.frame)
    return true
  }
}
