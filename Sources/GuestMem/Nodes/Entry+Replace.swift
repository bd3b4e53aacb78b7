// Entry, replace: one child goes in and the one before comes out.

public import MMU

extension Entry {
  /// Puts `child` into the entry, and what was there, with its ownership, into `child`.
  ///
  /// What comes out carries the accessed and dirty bits of the last moment. A table that comes out
  /// is still marked as linked: mark it stray and flush translation caches before it is dropped.
  /// No count of owners changes, because ownership moves; the number of present entries does.
  ///
  /// - Throws: ``EntryError``; `child` is as it was then. A table that was marked stray cannot be
  ///   put in again, and what is counted in other metadata than this table's not at all.
  /// - Complexity: constant for pages; reads the entries of a table that goes in.
  @inlinable
  public mutating func replace(with child: inout Child<Configuration>) throws(EntryError) {
    let new = child.reference
    try checkNode()
    guard child.isCounted(in: tables.metadata) else { throw .foreignAllocator }
    try checkPlacement(of: new)
    if case .table(let node, _) = new, tables.hasUserEntries(node), userPages != .allowed {
      throw .supervisorTable(level: level)
    }
    if level == tables.rootTableLevel, Configuration.topLevelRemoval == .forbidden, isNode {
      throw .topLevelRemoval(index: index)
    }
    // What is there can be decoded: anything else is refused before it is touched.
    guard snapshot == 0 || reference != .none else { throw invalid() }
    var incoming = Child<Configuration>.none
    swap(&incoming, &child)
    let word = incoming.intoEntry()
    var old = snapshot
    while !tables.memory.compareExchangeEntry(table, index, &old, word) {
      // More than A and D may differ where another value of the table, or a guest, wrote.
      snapshot = old
      guard old == 0 || reference != .none else {
        child = try Child(fromEntry: word, level: level, tables: tables)
        throw invalid()
      }
    }
    snapshot = word
    addPresent((word != 0 ? 1 : 0) &- (old != 0 ? 1 : 0))
    child = try Child(fromEntry: old, level: level, tables: tables)
  }

  /// Throws what stands against a child in this entry.
  @inlinable
  func checkPlacement(of child: ChildReference) throws(EntryError) {
    switch child {
    case .none: break
    case .table(let node, let found):
      guard level.lower == found else { throw .levelMismatch(level: level, found: found) }
      let state = tables.metadata.nodeState(of: node.frame)
      guard !state.isLocked else { throw tables.busy(node) }
      guard !state.isStray else { throw .stray(nodeAddress: node.address) }
    case .page(let raw):
      guard raw.level == level else { throw .levelMismatch(level: level, found: raw.level) }
      guard levelNumber <= tables.highestLeafLevel else { throw .leafUnsupported(level: level) }
      let address = raw.physicalAddress.rawValue
      let span = Configuration.span(levelNumber)
      guard address & (span &- 1) == 0,
        address &>> UInt64(tables.paging.physicalAddressWidth) == 0
      else { throw .invalidPhysicalAddress(address, level: level) }
      try validate(raw.properties)
    }
  }
}

extension TableMemory {
  /// True when an entry of the node is a user entry.
  @inlinable
  func hasUserEntries(_ table: TableFrame) -> Bool {
    for index in 0..<Configuration.entryCount
    where memory.entry(table, index) & EntryBits.user != 0 { return true }
    return false
  }
}
