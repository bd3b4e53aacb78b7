// LockedRange, mark: what absent pages are to become.

public import GuestMem
public import MMU

/// Pages that one entry marks.
@frozen public struct MarkedRange: Hashable, Sendable {
  /// The first linear address.
  public let linearAddress: UInt64
  /// The number of bytes.
  public let byteCount: UInt64
  /// The mark of the first page.
  public let mark: Mark

  @inlinable
  init(linearAddress: UInt64, byteCount: UInt64, mark: Mark) {
    self.linearAddress = linearAddress
    self.byteCount = byteCount
    self.mark = mark
  }
}

extension LockedRange {
  /// Marks the pages of a part of the range, none of which is mapped; other marks there go.
  ///
  /// What an entry of an upper level decides whole takes that entry alone. Processors need not flush
  /// anything: they keep no translation of an entry with P = 0.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  ///   - mark: The mark of the first page; those of the others are counted from it if the kind counts.
  /// - Throws: what is wrong with the range, ``LiveTableError/markPayload(_:limit:)`` when a page would have a
  ///   payload that is not below the table's limit, `alreadyMapped` when a page is mapped, `outOfFrames`,
  ///   and `invalidEntry` for what nobody here wrote, with nothing changed;
  ///   ``LiveTableError/interrupted(_:)`` when a guest writes there during the call.
  /// - Complexity: linear in the number of tables that the range meets, and of entries at its ends.
  @inlinable
  public mutating func mark(
    _ linearAddress: LinearAddress, byteCount: UInt64, as mark: Mark
  ) throws(LiveTableError) {
    let part = try part(linearAddress, byteCount: byteCount)
    _ = try places.checked(mark, pageCount: byteCount &>> 12)
    // As if each page was mapped to its own position, by leaves of any level.
    let highest =
      Configuration.topLevelRemoval == .allowed ? places.rootLevel : places.rootLevel &- 1
    let request = MapRequest(
      leaf: LeafBits.none, leafLevels: (2 &<< highest) &- 2,
      linkBits: Configuration.entryFormat.link(above: 0))
    var needed: UInt64 = 0
    do throws(PageTableError) {
      try checkMap(request, covering, level: level, part, part.lowerBound, needed: &needed)
    } catch {
      throw .table(error)
    }
    var frames = try takeFrames(needed)
    defer { giveBack(frames) }
    do throws(PageTableError) {
      try writeMark(mark, request, covering, level: level, part, &frames)
    } catch {
      throw .interrupted(error)
    }
  }

  /// Writes marks that `checkMap` accepted.
  @inlinable
  mutating func writeMark(
    _ mark: Mark, _ request: MapRequest, _ parent: TableFrame, level: UInt64,
    _ range: Range<UInt64>, _ frames: inout [TableFrame]
  ) throws(PageTableError) {
    let span = Configuration.span(level)
    var added = 0
    defer { places.addPresent(added, to: parent) }
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      let entry = places.load(parent, index)
      let own = mark.advanced(byPages: (part.lowerBound &- range.lowerBound) &>> 12)
      let isAbsent = entry == 0 || Mark(entry: entry) != nil
      if isAbsent && request.isLeaf(level, span, part, part.lowerBound) {
        Access.store(places.word(parent, index), own.entry)
        added &+= entry == 0 ? 1 : 0
      } else if entry == 0 {
        let child = try newTable(level: level &- 1, &frames)
        var failure: PageTableError?
        do throws(PageTableError) {
          try writeMark(own, request, child, level: level &- 1, part, &frames)
        } catch {
          failure = error
        }
        Access.store(places.word(parent, index), child.address | request.linkBits)
        added &+= 1
        if let failure { throw failure }
      } else {
        let child =
          isAbsent
          ? try splitMark(parent, index, level: level, position: part.lowerBound, &frames)
          : places.child(of: entry, level: level)
        guard let child else { throw places.invalid(entry, part.lowerBound, level) }
        try writeMark(own, request, child, level: level &- 1, part, &frames)
      }
    }
  }

  /// Replaces the mark at `index` of a table at `level`, above 1, by a table of marks that say the same.
  ///
  /// Who reads without a lock finds the one or the other, and the same mark for every page.
  @inlinable
  mutating func splitMark(
    _ parent: TableFrame, _ index: Int, level: UInt64, position: UInt64,
    _ frames: inout [TableFrame]
  ) throws(PageTableError) -> TableFrame {
    let lower = level &- 1
    let count = Configuration.entryCount
    let word = places.word(parent, index)
    let entry = Access.load(word)
    guard level > 1, let mark = Mark(entry: entry) else {
      throw places.invalid(entry, position, level)
    }
    let child = try newTable(level: lower, used: 0..<count, &frames)
    let step = mark.kind.counts ? Configuration.span(lower) : 0
    places.view.fillUnlinked(child, 0..<count, first: mark.entry, step: step)
    Access.store(word, child.address | Configuration.entryFormat.link(above: 0))
    return child
  }

  /// Takes the marks of a part of the range away, and tables that become empty; what is mapped stays.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  /// - Throws: what is wrong with the range, `outOfFrames` when a mark of more pages must be split and no frame is
  ///   free, and `invalidEntry` for what nobody here wrote, with nothing changed;
  ///   ``LiveTableError/interrupted(_:)`` when a guest writes there during the call.
  @inlinable
  public mutating func clearMarks(
    _ linearAddress: LinearAddress, byteCount: UInt64
  ) throws(LiveTableError) {
    let part = try part(linearAddress, byteCount: byteCount)
    var frames = try framesToSplit(part, .marks)
    defer { giveBack(frames) }
    do throws(PageTableError) {
      _ = try remove(.marks, covering, level: level, part, &frames) { _ in }
    } catch {
      throw .interrupted(error)
    }
  }

  /// Tells the marks of a part of the range, in ascending order, one for each entry that says one.
  ///
  /// A mark that reaches out of the part is told from the first page of the part on.
  ///
  /// - Throws: what is wrong with the range; for what only a guest can have written, `invalidEntry` and
  ///   ``LiveTableError/markPayload(_:limit:)``, after the marks before were told.
  @inlinable
  public func visitMarks(
    _ linearAddress: LinearAddress, byteCount: UInt64, _ visit: (MarkedRange) -> Void
  ) throws(LiveTableError) {
    let part = try part(linearAddress, byteCount: byteCount)
    try visitMarks(covering, level: level, part, visit)
  }

  @inlinable
  func visitMarks(
    _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>, _ visit: (MarkedRange) -> Void
  ) throws(LiveTableError) {
    for part in Configuration.parts(of: range, at: level) {
      let entry = places.load(parent, Configuration.index(part.lowerBound, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .leaf: break
      case .table:
        guard let child = places.child(of: entry, level: level) else {
          throw .table(places.invalid(entry, part.lowerBound, level))
        }
        try visitMarks(child, level: level &- 1, part, visit)
      case .invalid:
        guard let mark = Mark(entry: entry) else {
          throw .table(places.invalid(entry, part.lowerBound, level))
        }
        let offset = (part.lowerBound & (Configuration.span(level) &- 1)) &>> 12
        let own = try places.checked(
          mark.advanced(byPages: offset), pageCount: part.byteCount &>> 12)
        visit(
          MarkedRange(
            linearAddress: places.address(part.lowerBound), byteCount: part.byteCount, mark: own))
      }
    }
  }
}

extension SharedPageTable {
  /// Marks the pages of a range, none of which is mapped.
  ///
  /// - Throws: as ``LockedRange/mark(_:byteCount:as:)``, and `busy` when the range is not free in time.
  @inlinable
  public func mark(
    _ linearAddress: LinearAddress, byteCount: UInt64, as mark: Mark,
    patience: Patience = .standard
  ) throws(LiveTableError) {
    _ = try withRange(linearAddress, byteCount: byteCount, patience: patience) {
      range throws(LiveTableError) in
      try range.mark(linearAddress, byteCount: byteCount, as: mark)
    }
  }

  /// Takes the marks of a range away; what is mapped stays.
  ///
  /// - Throws: as ``LockedRange/clearMarks(_:byteCount:)``, and `busy` when the range is not free in time.
  @inlinable
  public func clearMarks(
    _ linearAddress: LinearAddress, byteCount: UInt64, patience: Patience = .standard
  ) throws(LiveTableError) {
    _ = try withRange(linearAddress, byteCount: byteCount, patience: patience) {
      range throws(LiveTableError) in
      try range.clearMarks(linearAddress, byteCount: byteCount)
    }
  }
}
