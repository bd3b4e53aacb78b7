// PageTable, protect: the pages of a range get other properties.

public import MMU

extension ConfiguredPageTable {
  /// Changes the properties of every page in the range; parts where nothing is mapped are passed
  /// over.
  ///
  /// A larger page that reaches out of the range is split, and the rest of it keeps its
  /// properties. The number of bytes of the pages in the range is returned.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: linear in the number of entries.
  @inlinable @discardableResult
  public mutating func protect(
    _ linearAddress: LinearAddress, byteCount: UInt64, change: PropertyChange,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    let edit = try tables.edit(for: change)
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    let needed = try tables.tablesToSplit(at: range, root, level: tables.rootLevel)
    try tables.check(&allocator, has: needed)
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.survey(
      for: .change, root, level: tables.rootLevel, range, tablesLeft: &tablesLeft)
    return try tables.editRange(
      edit, root, level: tables.rootLevel, range, allocator: &allocator)
  }

  /// Gives every page in the range all of these properties, besides A and D, which stay.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  @inlinable @discardableResult
  public mutating func protect(
    _ linearAddress: LinearAddress, byteCount: UInt64, properties: PageProperties,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    try protect(
      linearAddress, byteCount: byteCount,
      change: PropertyChange(
        rights: properties.rights, isUser: properties.isUser, isGlobal: properties.isGlobal,
        memoryType: properties.memoryType, protectionKey: properties.protectionKey,
        softwareBits: properties.softwareBits),
      allocator: &allocator)
  }
}
