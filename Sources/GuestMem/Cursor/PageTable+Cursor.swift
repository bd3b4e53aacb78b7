// PageTable, cursor: the way from a table to a cursor.

public import MMU

extension ConfiguredPageTable {
  /// Calls `body` with a cursor at the start of the range.
  ///
  /// With `minimumLevel` the covering node is at least at that level: a cursor for exactly one
  /// aligned 2 MiB range can map a 2 MiB page when it is `Level.pageDirectory`. Nodes that are
  /// empty afterwards go back to the allocator.
  ///
  /// - Throws: ``PageTableError`` for a range that is none, and what `body` throws.
  @inlinable
  public mutating func withCursor<Result: ~Copyable>(
    _ linearAddress: LinearAddress, byteCount: UInt64, minimumLevel: Level = .pageTable,
    allocator: inout FrameAllocator,
    _ body: (inout Cursor<Configuration>, inout FrameAllocator) throws(PageTableError) -> Result
  ) throws(PageTableError) -> Result {
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    try tables.check(&allocator, has: 0)
    var cursor = try Cursor(
      tables: tables, root: root, range: range, minimumLevel: UInt64(minimumLevel.rawValue))
    defer {
      cursor.close(allocator: &allocator)
      if cursor.cleanup == .emptyNodes {
        tables.reclaim(
          root, level: tables.rootLevel, position: range.lowerBound, allocator: &allocator)
      }
    }
    return try body(&cursor, &allocator)
  }
}
