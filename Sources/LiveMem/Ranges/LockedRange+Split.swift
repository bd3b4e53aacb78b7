// LockedRange, split: a leaf that reaches out of a range becomes a table of smaller ones.

public import GuestMem
internal import MMU

extension LockedRange {
  /// The number of tables that are needed so that no leaf or mark, as `content` says, reaches across an end of
  /// `range`.
  @inlinable
  func tablesToSplit(
    _ content: RangeContent, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>
  ) throws(PageTableError) -> UInt64 {
    let span = Configuration.span(level)
    var parts = Configuration.parts(of: range, at: level)
    guard let first = parts.next() else { return 0 }
    let last = max(range.lowerBound, (range.upperBound &- 1) & ~(span &- 1))..<range.upperBound
    var count = try tablesToSplit(content, inEntryOf: parent, level: level, first)
    if last.lowerBound >= first.upperBound {
      count &+= try tablesToSplit(content, inEntryOf: parent, level: level, last)
    }
    return count
  }

  /// The same for the part of a range that one entry decides; what it decides whole needs no split.
  @inlinable
  func tablesToSplit(
    _ content: RangeContent, inEntryOf parent: TableFrame, level: UInt64, _ part: Range<UInt64>
  ) throws(PageTableError) -> UInt64 {
    guard part.byteCount < Configuration.span(level) else { return 0 }
    let entry = places.load(parent, Configuration.index(part.lowerBound, level))
    switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
    case .absent: return 0
    case .leaf: return content.hasPages ? places.tablesToSplit(level: level, part) : 0
    case .table:
      guard let child = places.child(of: entry, level: level) else {
        throw places.invalid(entry, part.lowerBound, level)
      }
      return try tablesToSplit(content, child, level: level &- 1, part)
    case .invalid:
      guard Mark(entry: entry) != nil else { throw places.invalid(entry, part.lowerBound, level) }
      return content.hasMarks ? places.tablesToSplit(level: level, part) : 0
    }
  }

  /// Takes the frames that splitting at the ends of `range` needs.
  @inlinable
  func framesToSplit(
    _ range: Range<UInt64>, _ content: RangeContent
  ) throws(LiveTableError) -> [TableFrame] {
    let needed: UInt64
    do throws(PageTableError) {
      needed = try tablesToSplit(content, covering, level: level, range)
    } catch {
      throw .table(error)
    }
    return try takeFrames(needed)
  }

  /// Replaces the leaf at `index` of a table at `level`, above 1, by a table of smaller leaves that
  /// say the same.
  ///
  /// A and D bits that a processor sets meanwhile go to every piece: the entry is exchanged only
  /// while it equals what the pieces were made from. The translation is the same; processors drop it
  /// all the same, so that none has it in two sizes.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.2.3 (details of TLB use, pages of two sizes).
  @inlinable
  mutating func splitLeaf(
    _ parent: TableFrame, _ index: Int, level: UInt64, position: UInt64,
    _ frames: inout [TableFrame]
  ) throws(PageTableError) -> TableFrame {
    let lower = level &- 1
    let count = Configuration.entryCount
    let shift = Configuration.shift(level)
    let word = places.word(parent, index)
    var entry = Access.load(word)
    guard level > 1, case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat)
    else { throw places.invalid(entry, position, level) }
    let child = try newTable(level: lower, &frames)
    places.addPresent(count, to: child)
    while case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat) {
      let piece =
        EntryBits.pieceBits(
          entry, pieceLevel: lower, shift: shift, in: Configuration.entryFormat)
        | EntryBits.leafAddress(entry, shift: shift)
      places.view.fillUnlinked(
        child, 0..<count, first: piece, step: Configuration.span(lower))
      let link = child.address | Configuration.entryFormat.link(above: entry)
      if Access.compareExchange(word, &entry, link) {
        let start = position & ~(Configuration.span(level) &- 1)
        flush.add(
          start..<start &+ Configuration.span(level),
          to: EntryBits.leafAddress(entry, shift: shift))
        return child
      }
    }
    // A guest wrote something else there.
    places.markStray(child)
    unlinked.append(child)
    throw places.invalid(entry, position, level)
  }
}
