// PageTable, map: a range of linear addresses onto contiguous physical memory.

public import MMU

extension ConfiguredPageTable {
  /// Maps `byteCount` bytes at `linearAddress` to the physical memory from `physicalAddress` on.
  ///
  /// With ``PageSizeChoice/largest`` each part gets the largest page that alignment and length
  /// allow. Nothing in the range may be mapped before.
  ///
  /// Throws: ``PageTableError``; nothing has changed then.
  /// Complexity: each table is visited twice; linear in the number of pages.
  @inlinable
  public mutating func map(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice = .largest,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.validate(properties)
    guard !properties.rights.isEmpty else { throw .noRights(linearAddress.rawValue) }
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    try tables.checkPhysical(physicalAddress, byteCount: byteCount)
    let mapping = MapRequest(
      leaf: LeafBits(properties).adding(Configuration.leafOwnership.untrackedBits),
      leafLevels: try tables.leafLevels(pageSizes),
      linkBits: properties.isUser ? EntryBits.userLink : EntryBits.supervisorLink)
    // One page into a table that is there already is the common case.
    if byteCount == 4096, mapping.leafLevels & 2 != 0,
      allocator.metadata.isSame(as: tables.metadata),
      tables.mapPage(
        mapping, root, position: range.lowerBound, physical: physicalAddress.rawValue)
    {
      return
    }
    try tables.checkAlignment(
      pageSizes, position: range.lowerBound, physical: physicalAddress, byteCount: byteCount)
    var needed: UInt64 = 0
    try tables.checkMap(
      mapping, root, level: tables.rootLevel, range, physicalAddress.rawValue, needed: &needed)
    try tables.check(&allocator, has: needed)
    try tables.writeMap(
      mapping, root, level: tables.rootLevel, range, physicalAddress.rawValue, allocator: &allocator
    )
  }
}
