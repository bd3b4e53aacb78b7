// BootPageTable, changes: pages are mapped, and mapped pages get other properties.

public import MMU

extension BootPageTable {
  /// Maps `byteCount` bytes at `linearAddress`, one page of 4 KiB unless said otherwise, to the
  /// physical memory from `physicalAddress` on.
  ///
  /// With ``PageSizeChoice/largest`` each part gets the largest page that alignment and length
  /// allow. Nothing in the range may be mapped before, by whomever. Where an adopted entry above
  /// denies a right that the page has, the entry gives it and those below it deny it instead.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then. A table on the way may be
  ///   ``PageTableError/noMemory(linearAddress:physicalAddress:)``, or an entry
  ///   ``PageTableError/invalidEntry(linearAddress:level:entry:)``.
  /// - Complexity: each table is visited three times, 512 words for each one that is copied.
  @inlinable
  public mutating func map(
    _ linearAddress: LinearAddress, byteCount: UInt64 = 4096,
    to physicalAddress: GuestPhysicalAddress, properties: PageProperties,
    pageSizes: PageSizeChoice = .largest, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.validate(properties)
    guard !properties.rights.isEmpty else { throw .noRights(linearAddress.rawValue) }
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    try tables.checkPhysical(physicalAddress, byteCount: byteCount)
    let mapping = MapRequest(
      leaf: tables.untrackedLeaf(properties), leafLevels: try tables.leafLevels(pageSizes),
      linkBits: NativePaging.entryFormat.link(to: properties))
    try tables.checkAlignment(
      pageSizes, position: range.lowerBound, physical: physicalAddress, byteCount: byteCount)
    try prepare(
      .map(mapping, physical: physicalAddress.rawValue), range,
      granting: NeededRights(leaf: mapping.leaf.small), allocator: &allocator)
    try tables.writeMap(
      mapping, root, level: tables.rootLevel, range, physicalAddress.rawValue,
      allocator: &allocator)
  }

  /// Changes the properties of `byteCount` bytes from `linearAddress` on, one page of 4 KiB unless
  /// said otherwise; all of it must be mapped.
  ///
  /// A larger page that reaches out of the range is split, 1 GiB into 2 MiB into 4 KiB, and the
  /// rest of it keeps its translation and properties.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then. What is not mapped is
  ///   ``PageTableError/notMapped(linearAddress:)``.
  /// - Complexity: as ``map(_:byteCount:to:properties:pageSizes:allocator:)``.
  @inlinable
  public mutating func protect(
    _ linearAddress: LinearAddress, byteCount: UInt64 = 4096, change: PropertyChange,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let edit = try LeafEdit(change, for: tables.paging, ownership: NativePaging.leafOwnership)
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    try prepare(.protect, range, granting: NeededRights(change), allocator: &allocator)
    _ = try tables.editRange(
      edit, root, level: tables.rootLevel, range, allocator: &allocator)
  }

  /// Checks a change, and makes every table that it goes through this table's own.
  ///
  /// No translation is another one afterwards.
  @inlinable
  func prepare(
    _ change: BootChange, _ range: Range<UInt64>, granting rights: NeededRights,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.check(&allocator, has: 0)
    allocator.collectReturned()
    var needed: UInt64 = 0
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.checkBoot(
      change, root, level: tables.rootLevel, range, available: allocator.freeFrames,
      needed: &needed, tablesLeft: &tablesLeft)
    try tables.ownTables(
      for: range, below: root, level: tables.rootLevel, granting: rights, allocator: &allocator)
  }
}
