// PageTable, unmap: a range of linear addresses leads nowhere afterwards.

public import MMU

/// What an unmap removed.
///
/// Pages count by the size of their leaf, whether they own frames or not, so that the sum of bytes
/// does not depend on how the range was cut; tables are counted apart and add no bytes.
@frozen public struct UnmapReport: Hashable, Sendable {
  /// Leaves of 4 KiB, 2 MiB and 1 GiB, after large ones at the ends were split.
  public var leafCounts: (size4KiB: UInt64, size2MiB: UInt64, size1GiB: UInt64) {
    (small, medium, large)
  }
  @usableFromInline var small: UInt64 = 0
  @usableFromInline var medium: UInt64 = 0
  @usableFromInline var large: UInt64 = 0
  /// Tables that went back to the allocator.
  public var freedTableCount: UInt64 = 0

  @usableFromInline init() {}

  /// The number of bytes that were mapped in the range.
  public var byteCount: UInt64 { small << 12 &+ medium << 21 &+ large << 30 }

  @inlinable
  mutating func add(_ count: UInt64, at level: UInt64) {
    switch level {
    case 1: small &+= count
    case 2: medium &+= count
    default: large &+= count
    }
  }
}

extension ConfiguredPageTable {
  /// Removes whatever is mapped in the range; parts where nothing is mapped are passed over.
  ///
  /// A larger page that reaches out of the range is split, and the rest of it stays. Tables that
  /// become empty go back to the allocator.
  ///
  /// Throws: ``PageTableError``; nothing has changed then. It is
  /// ``PageTableError/busy(linearAddress:level:holder:)`` while somebody holds a table of the range.
  /// Complexity: linear in the number of tables, and of entries in tables partly covered.
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
