// TableMemory, adopted tables: how their entries are read, and how a table is copied.

internal import MMU

/// Whose a table is.
@frozen @usableFromInline enum TableOrigin: Hashable, Sendable {
  /// A node of the metadata, which may be written.
  case own
  /// Somebody else's.
  case adopted
}

extension TableMemory where Configuration == NativePaging {
  /// Whose the table used at `level` is.
  @inlinable
  func origin(of table: TableFrame, level: UInt64) -> TableOrigin {
    metadata.nodeState(of: table.frame).isNode(ofLevelNumber: level) ? .own : .adopted
  }

  /// What an entry means to the processor, or to this module in tables of its own.
  ///
  /// In an adopted table nothing is known of entries that are not present; a present one with
  /// reserved bits is invalid in every table.
  @inlinable
  func meaning(of entry: UInt64, level: UInt64, in origin: TableOrigin) -> EntryClass {
    guard entry & EntryBits.present != 0 else {
      return origin == .own
        ? EntryClass(entry, level: level, in: Configuration.entryFormat) : .absent
    }
    return EntryBits.reserved(in: entry, level: level, paging) == 0
      ? EntryClass(entry, level: level, in: Configuration.entryFormat) : .invalid
  }

  /// Makes a table of its own that says the same, without linking it.
  ///
  /// Present entries are copied bit for bit. What is not present becomes 0: the processor ignores
  /// it, and a bit of it could be taken for a page without rights.
  @inlinable
  func copyTable(
    _ original: TableFrame, level: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> TableFrame {
    guard
      let copy = newTable(level: level, used: 0..<Configuration.entryCount, allocator: &allocator)
    else { throw .outOfFrames(needed: 1, available: allocator.freeFrames) }
    var presentCount = 0
    for index in 0..<Configuration.entryCount {
      var entry = memory.entry(original, index)
      if entry & EntryBits.present == 0 { entry = 0 }
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: break
      case .table, .leaf: presentCount &+= 1
      }
      memory.setEntry(copy, index, entry)
    }
    metadata.setNodeState(
      NodeState(levelNumber: level, presentCount: presentCount), of: copy.frame)
    return copy
  }

  /// The own table that the entry of an own table links, after an adopted one was copied.
  ///
  /// A and D bits that hardware sets in the original while it is copied go to the copy once the
  /// entry is exchanged.
  @inlinable
  func ownTable(
    linkedAt index: Int, of table: TableFrame, level: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> TableFrame {
    var entry = memory.entry(table, index)
    guard let original = memory.table(linkedBy: entry) else { throw invalid(entry, 0, level) }
    guard origin(of: original, level: level &- 1) == .adopted else { return original }
    let copy = try copyTable(original, level: level &- 1, allocator: &allocator)
    while !memory.compareExchangeEntry(
      table, index, &entry, entry & ~EntryBits.address | copy.address)
    {
      // Only A may have come; anything else was written by somebody who must not.
      guard entry & EntryBits.address == original.address, entry & EntryBits.present != 0 else {
        allocator.returnNodeFrame(copy.frame)
        throw invalid(entry, 0, level)
      }
    }
    if liveness == .live { addStatus(of: original, to: copy) }
    return copy
  }

  /// Sets A and D in the entries of a copy where the original has them.
  @inlinable
  func addStatus(of original: TableFrame, to copy: TableFrame) {
    let status: UInt64 = EntryBits.accessed | EntryBits.dirty
    for index in 0..<Configuration.entryCount {
      let entry = memory.entry(original, index)
      let copied = memory.entry(copy, index)
      if (entry ^ copied) & ~status == 0, entry & ~copied != 0 {
        memory.addBits(copy, index, entry & status)
      }
    }
  }
}
