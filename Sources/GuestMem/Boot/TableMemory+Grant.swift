// TableMemory, grant: an entry above a page gives rights that it denied, and nothing else changes.

internal import MMU

/// The rights that entries above a page must give for the page to have them.
@frozen @usableFromInline struct NeededRights: Hashable, Sendable {
  /// R/W and U/S, and in place of XD its opposite.
  @usableFromInline let bits: UInt64

  /// What a page with these leaf bits needs.
  @inlinable
  init(leaf: UInt64) {
    bits =
      (leaf ^ EntryBits.noExecute)
      & (EntryBits.writable | EntryBits.user | EntryBits.noExecute)
  }

  /// What pages need that get new properties; rights that stay as they are need nothing.
  @inlinable
  init(_ change: PropertyChange) {
    var bits: UInt64 = 0
    if let rights = change.rights {
      if rights.contains(.write) { bits |= EntryBits.writable }
      if rights.contains(.execute) { bits |= EntryBits.noExecute }
    }
    if change.isUser == true { bits |= EntryBits.user }
    self.bits = bits
  }

  /// The needed rights that `entry`, which links a table, denies.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (R/W, U/S and XD of all levels together decide).
  @inlinable
  func denied(by entry: UInt64) -> UInt64 { bits & ~(entry ^ EntryBits.noExecute) }
}

extension TableMemory where Configuration == NativePaging {
  /// Makes the entries of the own tables on the way to the pages of `range` give `rights`.
  ///
  /// Adopted tables on the way are copied first, those at level 1 too.
  @inlinable
  func ownTables(
    for range: Range<UInt64>, below table: TableFrame, level: UInt64, granting rights: NeededRights,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    guard level > 1 else { return }
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      if meaning(of: memory.entry(table, index), level: level, in: .own) == .table {
        let child = try ownTable(linkedAt: index, of: table, level: level, allocator: &allocator)
        grant(rights, linkedAt: index, of: table, to: child, level: level)
        try ownTables(
          for: part, below: child, level: level &- 1, granting: rights,
          allocator: &allocator)
      }
    }
  }

  /// Makes an entry give rights that it denies, and takes them from each entry of the table that it
  /// links, so that no address has other rights than before.
  @inlinable
  func grant(
    _ rights: NeededRights, linkedAt index: Int, of table: TableFrame, to child: TableFrame,
    level: UInt64
  ) {
    var entry = memory.entry(table, index)
    let denied = rights.denied(by: entry)
    guard denied != 0 else { return }
    // Taken below before it is given above: at no moment is more allowed.
    for below in 0..<Configuration.entryCount { deny(denied, at: below, of: child) }
    let set = denied & ~EntryBits.noExecute
    let clear = denied & EntryBits.noExecute
    while !memory.compareExchangeEntry(table, index, &entry, entry & ~clear | set) {}
  }

  /// Takes rights from one entry; A and D that hardware sets meanwhile stay.
  @inlinable
  func deny(_ denied: UInt64, at index: Int, of table: TableFrame) {
    var entry = memory.entry(table, index)
    while entry != 0 {
      // R/W is the mark of a page without rights, and no right.
      let mark = entry & EntryBits.present == 0 ? EntryBits.writable : 0
      let clear = denied & ~EntryBits.noExecute & ~mark
      let set = denied & EntryBits.noExecute
      let edited = entry & ~clear | set
      if edited == entry || memory.compareExchangeEntry(table, index, &entry, edited) { return }
    }
  }
}
