// LockedRange, protect: pages get other properties.

public import GuestMem
public import MMU

extension LockedRange {
  /// Gives the pages of a part of the range other properties; leaves that reach out of it are split
  /// first, and addresses that nothing maps stay so.
  ///
  /// A and D bits that a processor sets meanwhile stay unless the change names them. Processors must
  /// flush only what lost a right or changed in another way than by getting more rights.
  ///
  /// - Returns: the number of bytes that are mapped there.
  /// - Throws: what no entry can express, what is wrong with the range, `outOfFrames` when a leaf must
  ///   be split and no frame is free, and `invalidEntry` for what nobody here wrote, with nothing
  ///   changed; ``LiveTableError/interrupted(_:)`` when a guest writes there during the call, after
  ///   some of the pages have changed.
  @discardableResult @inlinable
  public mutating func protect(
    _ linearAddress: LinearAddress, byteCount: UInt64, change: PropertyChange
  ) throws(LiveTableError) -> UInt64 {
    let part = try part(linearAddress, byteCount: byteCount)
    let edit: LeafEdit
    do throws(PageTableError) {
      edit = try places.edit(for: change)
    } catch {
      throw .table(error)
    }
    var frames = try framesToSplit(part, .pages)
    defer { giveBack(frames) }
    if edit.makesUser { addUser(above: part.lowerBound) }
    do throws(PageTableError) {
      return try apply(edit, covering, level: level, part, &frames)
    } catch {
      throw .interrupted(error)
    }
  }

  @inlinable
  mutating func apply(
    _ edit: LeafEdit, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ frames: inout [TableFrame]
  ) throws(PageTableError) -> UInt64 {
    let span = Configuration.span(level)
    var byteCount: UInt64 = 0
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      let entry = places.load(parent, index)
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: break
      case .leaf where part.byteCount == span:
        editLeaf(edit, parent, index, level: level, entry, part)
        byteCount &+= span
      case .leaf:
        let child = try splitLeaf(
          parent, index, level: level, position: part.lowerBound, &frames)
        if edit.makesUser { _ = Access.fetchOr(places.word(parent, index), EntryBits.user) }
        byteCount &+= try apply(edit, child, level: level &- 1, part, &frames)
      case .table:
        guard let child = places.child(of: entry, level: level) else { break }
        if edit.makesUser && entry & EntryBits.user == 0 {
          _ = Access.fetchOr(places.word(parent, index), EntryBits.user)
        }
        byteCount &+= try apply(edit, child, level: level &- 1, part, &frames)
      }
    }
    return byteCount
  }

  /// Edits one leaf; bits that a processor sets meanwhile and the edit does not name stay.
  @inlinable
  mutating func editLeaf(
    _ edit: LeafEdit, _ parent: TableFrame, _ index: Int, level: UInt64, _ found: UInt64,
    _ part: Range<UInt64>
  ) {
    let word = places.word(parent, index)
    var entry = found
    while case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat) {
      let edited = edit.applied(to: entry, level: level)
      if edited == entry { return }
      if Access.compareExchange(word, &entry, edited) {
        if Self.mustFlush(entry, edited) {
          flush.add(part, to: EntryBits.leafAddress(entry, shift: Configuration.shift(level)))
        }
        return
      }
    }
  }

  /// True when a processor that keeps `old` would do what `new` forbids or does otherwise.
  ///
  /// More rights need no flush: a processor that finds too few in its cache reads the entry again
  /// before it faults, or faults once. Bits that only software reads need none either.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.4.3.
  @inlinable
  static func mustFlush(_ old: UInt64, _ new: UInt64) -> Bool {
    guard old & EntryBits.present != 0 else { return false }
    let lost = old & ~new
    let gained = new & ~old
    let rights =
      EntryBits.present | EntryBits.writable | EntryBits.user | EntryBits.accessed
      | EntryBits.dirty
    let ignored = rights | EntryBits.noExecute | EntryBits.software
    return lost & rights != 0 || gained & EntryBits.noExecute != 0 || (old ^ new) & ~ignored != 0
  }
}

extension SharedPageTable {
  /// Gives the pages of a range other properties.
  ///
  /// - Returns: the number of bytes that are mapped there, and what must be waited for until no
  ///   processor uses the old properties.
  /// - Throws: as ``LockedRange/protect(_:byteCount:change:)``, and `busy` when the range is not free in
  ///   time.
  @discardableResult @inlinable
  public func protect(
    _ linearAddress: LinearAddress, byteCount: UInt64, change: PropertyChange,
    patience: Patience = .standard
  ) throws(LiveTableError) -> (byteCount: UInt64, ticket: FlushTicket) {
    let (mapped, ticket) = try withRange(
      linearAddress, byteCount: byteCount, patience: patience
    ) { range throws(LiveTableError) in
      try range.protect(linearAddress, byteCount: byteCount, change: change)
    }
    return (mapped, ticket)
  }
}
