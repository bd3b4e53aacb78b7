// Cursor, ranges: operations that visit each table once.

public import MMU

extension Cursor {
  /// Maps the next `byteCount` bytes to contiguous memory that is not owned, and moves behind.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: each table is visited twice; linear in the number of pages.
  @inlinable
  public mutating func map(
    byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    _ properties: PreparedProperties<Configuration>,
    pageSizes: PageSizeChoice = .largest, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let end = try limit(byteCount, &allocator)
    guard byteCount > 0 else { throw .emptyRange(tables.address(position)) }
    try tables.validate(properties)
    leaveAll(allocator: &allocator)
    try tables.checkPhysical(physicalAddress, byteCount: byteCount)
    let leafLevels = try tables.leafLevels(pageSizes)
    try tables.checkAlignment(
      pageSizes, position: position, physical: physicalAddress, byteCount: byteCount)
    // The smallest pages that are allowed must not be larger than what the covering node maps.
    guard leafLevels & ((2 &<< coveringLevel) &- 1) != 0 else {
      throw .outsideCursor(linearAddress: tables.address(position), byteCount: byteCount)
    }
    let request = MapRequest(
      leaf: properties.leaf, leafLevels: leafLevels, linkBits: properties.linkBits)
    var needed: UInt64 = 0
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.checkMap(
      request, table, level: levelNumber, position..<end, physicalAddress.rawValue,
      needed: &needed, tablesLeft: &tablesLeft)
    try tables.check(&allocator, has: needed)
    if properties.isUser { raiseLinks() }
    try tables.writeMap(
      request, table, level: levelNumber, position..<end, physicalAddress.rawValue,
      allocator: &allocator)
    stand(at: end)
  }

  /// Removes what is mapped in the next `byteCount` bytes, and moves behind them.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: linear in the number of tables, and of entries in tables partly covered.
  @inlinable @discardableResult
  public mutating func unmap(
    byteCount: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> UnmapReport {
    let end = try limit(byteCount, &allocator)
    var report = UnmapReport()
    guard byteCount > 0 else { return report }
    leaveAll(allocator: &allocator)
    let needed = try tables.tablesToSplit(at: position..<end, table, level: levelNumber)
    try tables.check(&allocator, has: needed)
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.survey(
      for: .removal, table, level: levelNumber, position..<end, tablesLeft: &tablesLeft)
    try tables.removeRange(
      table, level: levelNumber, position..<end, allocator: &allocator, report: &report)
    cleanup = .emptyNodes
    stand(at: end)
    return report
  }

  /// Changes the pages in the next `byteCount` bytes, and moves behind them; answers the bytes of
  /// those pages.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: linear in the number of entries.
  @inlinable @discardableResult
  public mutating func protect(
    byteCount: UInt64, change: PropertyChange, allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    let end = try limit(byteCount, &allocator)
    guard byteCount > 0 else { return 0 }
    let edit = try tables.edit(for: change)
    leaveAll(allocator: &allocator)
    let needed = try tables.tablesToSplit(at: position..<end, table, level: levelNumber)
    try tables.check(&allocator, has: needed)
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.survey(
      for: .change, table, level: levelNumber, position..<end, tablesLeft: &tablesLeft)
    if edit.makesUser { raiseLinks() }
    let changed = try tables.editRange(
      edit, table, level: levelNumber, position..<end, allocator: &allocator)
    stand(at: end)
    return changed
  }
}
