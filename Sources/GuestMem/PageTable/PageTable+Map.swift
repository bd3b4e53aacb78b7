// PageTable, map: a range of linear addresses onto contiguous physical memory.

public import MMU

extension ConfiguredPageTable {
  /// Maps `byteCount` bytes at `linearAddress` to the physical memory from `physicalAddress` on.
  ///
  /// With ``PageSizeChoice/largest`` each part gets the largest page that alignment and length
  /// allow. Nothing in the range may be mapped before.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: each table is visited twice; linear in the number of pages.
  @inlinable @inline(__always)
  public mutating func map(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice = .largest,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    // One page into a table that is there already is the common case. What is checked here is
    // checked again, in the order of the errors, when any of it does not hold.
    let leaf = tables.smallLeaf(properties)
    if byteCount == 4096, pageSizes.allows4KiB, _fastPath(leaf != 0),
      _fastPath(tables.isOwnedPage(linearAddress.rawValue)),
      _fastPath(physicalAddress.rawValue & tables.forbiddenPhysicalBits == 0),
      _fastPath(allocator.metadata.identity == tables.level4Metadata(for: leaf)),
      tables.mapPage(
        leaf | physicalAddress.rawValue, belowLevel4: root, address: linearAddress.rawValue,
        linkBits: Configuration.entryFormat.link(to: properties), metadata: allocator.metadata)
    {
      return
    }
    try mapPageOrRange(
      linearAddress, byteCount: byteCount, to: physicalAddress, properties: properties,
      smallLeaf: leaf, pageSizes: pageSizes, allocator: &allocator)
  }

  /// Maps one page as a leaf at `leafLevel`, and makes the tables that are missing; says whether.
  ///
  /// The allocator was found to be the table's own.
  @inlinable @inline(never)
  mutating func buildPage(
    _ leaf: UInt64, leafLevel: UInt64, address: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> Bool {
    try tables.buildPage(
      leaf, leafLevel: leafLevel, linkBits: Configuration.entryFormat.link(above: leaf),
      root, address: address, allocator: &allocator)
  }

  /// Maps one page in the way without loops over ranges, or else a range.
  ///
  /// `smallLeaf` is what ``TableMemory/smallLeaf(_:)`` answers for the properties.
  @inlinable @inline(never)
  mutating func mapPageOrRange(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, smallLeaf: UInt64, pageSizes: PageSizeChoice,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let address = linearAddress.rawValue
    let physical = physicalAddress.rawValue
    if smallLeaf != 0, smallLeaf & EntryBits.noExecute == 0 || tables.paging.isNoExecuteEnabled,
      tables.isOwnedPage(address), physical & tables.forbiddenPhysicalBits == 0,
      allocator.metadata.isSame(as: tables.metadata)
    {
      let large = Configuration.span(2)
      if byteCount == 4096, pageSizes.allows4KiB {
        if try buildPage(
          smallLeaf | physical, leafLevel: 1, address: address, allocator: &allocator)
        {
          return
        }
      } else if byteCount == large, tables.highestLeafLevel >= 2,
        pageSizes == .largest || pageSizes == .exactly(.size2MiB),
        (address | physical) & (large &- 1) == 0,
        try buildPage(
          EntryBits.wholeBits(
            smallLeaf, pieceLevel: 1, shift: 12, in: Configuration.entryFormat) | physical,
          leafLevel: 2,
          address: address, allocator: &allocator)
      {
        return
      }
    }
    try mapRange(
      linearAddress, byteCount: byteCount, to: physicalAddress, properties: properties,
      pageSizes: pageSizes, allocator: &allocator)
  }

  @inlinable @inline(never)
  mutating func mapRange(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.validate(properties)
    guard !properties.rights.isEmpty else { throw .noRights(linearAddress.rawValue) }
    let range = try tables.positions(linearAddress, byteCount: byteCount)
    try tables.checkPhysical(physicalAddress, byteCount: byteCount)
    let mapping = MapRequest(
      leaf: tables.untrackedLeaf(properties), leafLevels: try tables.leafLevels(pageSizes),
      linkBits: Configuration.entryFormat.link(to: properties))
    try tables.checkAlignment(
      pageSizes, position: range.lowerBound, physical: physicalAddress, byteCount: byteCount)
    if tables.rootLevel == 5, byteCount == 4096, mapping.leafLevels & 2 != 0,
      allocator.metadata.isSame(as: tables.metadata),
      let below = tables.nearTable(
        linkedBy: tables.memory.entry(root, Configuration.index(range.lowerBound, 5)),
        with: mapping.linkBits),
      tables.mapPage(
        mapping.leaf.small | physicalAddress.rawValue, belowLevel4: below,
        address: range.lowerBound, linkBits: mapping.linkBits, metadata: tables.metadata)
    {
      return
    }
    if allocator.metadata.isSame(as: tables.metadata),
      let level = mapping.onlyLevel(Configuration.self, range, physicalAddress.rawValue),
      try buildPage(
        mapping.leaf.bits(level) | physicalAddress.rawValue, leafLevel: level,
        address: linearAddress.rawValue, allocator: &allocator)
    {
      return
    }
    var needed: UInt64 = 0
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.checkMap(
      mapping, root, level: tables.rootLevel, range, physicalAddress.rawValue, needed: &needed,
      tablesLeft: &tablesLeft)
    try tables.check(&allocator, has: needed)
    try tables.writeMap(
      mapping, root, level: tables.rootLevel, range, physicalAddress.rawValue, allocator: &allocator
    )
  }
}

extension TableMemory {
  /// The bits of a 4 KiB leaf that owns nothing, or 0 for properties that ``validate(_:)`` does
  /// not accept, or without any right; XD may not be available.
  @inlinable @inline(__always)
  func smallLeaf(_ properties: PageProperties) -> UInt64 {
    let isAccepted =
      properties.rights.contains(.read) && properties.protectionKey <= 15
      && properties.softwareBits <= 0x3ff
      && properties.softwareBits & Configuration.leafOwnership.softwareMask == 0
      && (Configuration.entryFormat == .native || properties.fitOSTD)
    return isAccepted ? untrackedLeaf(properties).small : 0
  }

  /// The identity of the metadata, or 0 for a leaf that these tables cannot have and for tables
  /// without 4 levels.
  @inlinable @inline(__always)
  func level4Metadata(for leaf: UInt64) -> UInt {
    leaf & EntryBits.noExecute == 0 ? level4Metadata : level4MetadataForNoExecute
  }

  /// True for the first byte of a 4 KiB page that this table owns.
  @inlinable @inline(__always)
  func isOwnedPage(_ address: UInt64) -> Bool {
    guard (address &+ half) & forbiddenLinearBits == 0 else { return false }
    return switch Configuration.ownedSpace {
    case .all: true
    case .lowerHalf: address < half
    case .upperHalf: address >= half
    }
  }
}
