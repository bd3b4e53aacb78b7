// Cursor, queries: what is at the position, what comes next, and moving there.

public import MMU

/// What a cursor found at its position.
@frozen public struct CursorSlot: Hashable, Sendable {
  /// The first linear address that the entry decides.
  public let first: LinearAddress
  /// The last linear address that the entry decides; inclusive, as the end may be 2^64.
  public let last: LinearAddress
  /// What the entry leads to: a page, or nothing.
  public let child: ChildReference

  @inlinable
  init(first: LinearAddress, last: LinearAddress, child: ChildReference) {
    self.first = first
    self.last = last
    self.child = child
  }
}

extension Cursor {
  /// What is mapped at the position.
  ///
  /// The slot is that of the deciding entry as it is: for an absent entry high up it is large,
  /// and it may reach out of the cursor's range. The cursor does not move.
  ///
  /// - Throws: ``PageTableError/cursorAtEnd``, and what ``findNext(byteCount:allocator:)`` throws
  ///   about tables on the way.
  /// - Complexity: one lock for each level that it goes down.
  @inlinable
  public mutating func query() throws(PageTableError) -> CursorSlot {
    guard position < range.upperBound else { throw .cursorAtEnd }
    while case .table = EntryClass(entry, level: levelNumber, in: Configuration.entryFormat) {
      try push(entry)
    }
    return CursorSlot(
      first: LinearAddress(truncating: tables.address(slot.lowerBound), width: .bits57),
      last: LinearAddress(truncating: tables.address(slot.upperBound &- 1), width: .bits57),
      child: ChildReference(entry: entry, level: level, tables: tables))
  }

  /// The end of the next `byteCount` bytes; throws unless the allocator is that of these tables, as
  /// nodes that are left go back to it.
  @inlinable
  func limit(
    _ byteCount: UInt64, _ allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    try tables.check(&allocator, has: 0)
    guard byteCount & 4095 == 0 else { throw .misalignedByteCount(byteCount, alignment: 4096) }
    guard byteCount <= remainingByteCount else {
      throw .outsideCursor(linearAddress: tables.address(position), byteCount: byteCount)
    }
    return position &+ byteCount
  }

  /// Moves to the next mapped address among the next `byteCount` bytes, and stays there.
  ///
  /// Inside a large page that is the current address itself. When nothing is mapped the cursor
  /// stands exactly behind those bytes and the answer is nil.
  ///
  /// - Throws: ``PageTableError/misalignedByteCount(_:alignment:)``,
  ///   ``PageTableError/outsideCursor(linearAddress:byteCount:)``, and, about a table on the way,
  ///   ``PageTableError/busy(linearAddress:level:holder:)`` and
  ///   ``PageTableError/invalidEntry(linearAddress:level:entry:)``; the cursor stays where it was.
  /// - Complexity: one step for each entry passed over.
  @inlinable
  public mutating func findNext(
    byteCount: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> LinearAddress? {
    let end = try limit(byteCount, &allocator)
    return try findLeaf(end, allocator: &allocator) ? linearAddress : nil
  }

  /// Moves to the next leaf before `end`, or to `end`; says whether there is one.
  ///
  /// Throws about a table on the way; the cursor stays where it was.
  @inlinable
  mutating func findLeaf(
    _ end: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> Bool {
    let start = position
    var tablesLeft = tables.largestTableCount(allocator)
    while position < end {
      switch EntryClass(entry, level: levelNumber, in: Configuration.entryFormat) {
      case .leaf: return true
      case .table:
        do throws(PageTableError) {
          try push(entry, tablesLeft: &tablesLeft)
        } catch {
          move(to: start, allocator: &allocator)
          throw error
        }
      case .absent, .invalid: move(to: min(end, slot.upperBound), allocator: &allocator)
      }
    }
    return false
  }

  /// Moves to an address inside the range, forwards or backwards, also from the end.
  ///
  /// - Throws: ``PageTableError/notCanonical(_:)``,
  ///   ``PageTableError/misalignedLinearAddress(_:alignment:)``,
  ///   ``PageTableError/outsideCursor(linearAddress:byteCount:)``; the cursor stays where it is.
  @inlinable
  public mutating func jump(
    to linearAddress: LinearAddress, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.check(&allocator, has: 0)
    let next = try tables.position(linearAddress)
    guard next & 4095 == 0 else {
      throw .misalignedLinearAddress(linearAddress.rawValue, alignment: 4096)
    }
    guard range.contains(next) else {
      throw .outsideCursor(linearAddress: linearAddress.rawValue, byteCount: 0)
    }
    if position == range.upperBound { leaveAll(allocator: &allocator) }
    move(to: next, allocator: &allocator)
  }
}
