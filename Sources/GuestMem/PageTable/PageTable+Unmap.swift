// PageTable, unmap: a range of linear addresses leads nowhere afterwards.

public import MMU

extension ConfiguredPageTable {
  /// Removes whatever is mapped in the range; parts where nothing is mapped are passed over.
  ///
  /// A larger page that reaches out of the range is split, and the rest of it stays. Tables that
  /// become empty go back to the allocator.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then. It is
  ///   ``PageTableError/busy(linearAddress:level:holder:)`` while somebody holds a table of the
  ///   range.
  /// - Complexity: linear in the number of tables, and of entries in tables partly covered.
  @inlinable @discardableResult
  public mutating func unmap(
    _ linearAddress: LinearAddress, byteCount: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> UnmapReport {
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    let needed = try tables.tablesToSplit(at: range, root, level: tables.rootLevel)
    try tables.check(&allocator, has: needed)
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.survey(
      for: .removal, root, level: tables.rootLevel, range, tablesLeft: &tablesLeft)
    var report = UnmapReport()
    try tables.removeRange(
      root, level: tables.rootLevel, range, allocator: &allocator, report: &report)
    return report
  }
}
