// TableMemory, edit: leaves of a range get other bits.

internal import MMU

extension TableRules {
  /// The bits that a change clears and sets in leaves of this table.
  ///
  /// - Throws: ``PageTableError`` for values that no entry can express.
  @inlinable @inline(__always)
  package func edit(for change: PropertyChange) throws(PageTableError) -> LeafEdit {
    switch Configuration.entryFormat {
    case .native:
      try LeafEdit(change, for: paging, ownership: Configuration.leafOwnership)
    case .ostd:
      try LeafEdit(ostd: change, for: paging, ownership: Configuration.leafOwnership)
    }
  }
}

extension TableMemory {
  /// Edits the leaves in `range`; leaves that reach out of it are split on the way.
  @inlinable
  func editRange(
    _ edit: LeafEdit, _ table: TableFrame, level: UInt64, _ range: Range<UInt64>,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    if level == 1 && liveness == .offline { return editOffline(edit, table, range) }
    let span = Configuration.span(level)
    var byteCount: UInt64 = 0
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      let entry = memory.entry(table, index)
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: break
      case .leaf where part.byteCount == span:
        editLeaf(edit, table, index, level: level, entry)
        byteCount &+= span
      case .leaf:
        let child = try splitLeaf(table, index, level: level, allocator: &allocator)
        if edit.makesUser { memory.addBits(table, index, EntryBits.user) }
        byteCount &+= try editRange(
          edit, child, level: level &- 1, part, allocator: &allocator)
      case .table:
        guard let child = memory.table(linkedBy: entry) else { break }
        if edit.makesUser && entry & EntryBits.user == 0 {
          memory.addBits(table, index, EntryBits.user)
        }
        byteCount &+= try editRange(
          edit, child, level: level &- 1, part, allocator: &allocator)
      }
    }
    return byteCount
  }

  /// Edits the 4 KiB leaves in `range` of a table that no processor walks.
  @inlinable
  func editOffline(_ edit: LeafEdit, _ table: TableFrame, _ range: Range<UInt64>) -> UInt64 {
    let first = Configuration.index(range.lowerBound, 1)
    let last = Configuration.index(range.upperBound &- 1, 1)
    return memory.editUnwalked(
      Configuration.self, table, first..<last &+ 1, keeping: ~edit.clearSmall,
      setting: edit.setSmall) &<< 12
  }

  /// Edits one leaf; bits that hardware sets meanwhile and the edit does not name stay.
  @inlinable
  func editLeaf(
    _ edit: LeafEdit, _ table: TableFrame, _ index: Int, level: UInt64, _ found: UInt64
  ) {
    var entry = found
    while true {
      let edited = edit.applied(to: entry, level: level)
      if edited == entry { return }
      guard liveness == .live else { return memory.setEntry(table, index, edited) }
      if memory.compareExchangeEntry(table, index, &entry, edited) { return }
      guard case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat) else {
        return
      }
    }
  }
}
