// TableMemory, map: the check and the writing of a mapping.

public import MMU

extension TableRules {
  /// Throws unless the processor has all addresses of a physical range of whole pages.
  @inlinable
  package func checkPhysical(
    _ address: GuestPhysicalAddress, byteCount: UInt64
  ) throws(PageTableError) {
    guard address.rawValue & 4095 == 0 else {
      throw .misalignedPhysicalAddress(address.rawValue, alignment: 4096)
    }
    let limit: UInt64 = 1 &<< UInt64(paging.physicalAddressWidth)
    guard address.rawValue < limit, byteCount <= limit &- address.rawValue else {
      throw .physicalAddressTooWide(
        address.rawValue, byteCount: byteCount, width: paging.physicalAddressWidth)
    }
  }

  /// Throws unless pages of the one size that is asked for fit the ranges.
  @inlinable
  package func checkAlignment(
    _ choice: PageSizeChoice, position: UInt64, physical: GuestPhysicalAddress, byteCount: UInt64
  ) throws(PageTableError) {
    guard case .exactly(let size) = choice else { return }
    let span = Configuration.span(UInt64(size.level.rawValue))
    guard position & (span &- 1) == 0 else {
      throw .misalignedLinearAddress(address(position), alignment: span)
    }
    guard physical.rawValue & (span &- 1) == 0 else {
      throw .misalignedPhysicalAddress(physical.rawValue, alignment: span)
    }
    guard byteCount & (span &- 1) == 0 else {
      throw .misalignedByteCount(byteCount, alignment: span)
    }
  }

}

extension TableMemory {
  /// Finds what is in the way of a mapping and counts the tables it needs.
  @inlinable
  func checkMap(
    _ mapping: MapRequest, _ table: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, needed: inout UInt64, tablesLeft: inout UInt64
  ) throws(PageTableError) {
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let entry = memory.entry(table, Configuration.index(part.lowerBound, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent:
        needed &+= mapping.tablesBelow(Configuration.self, level, part, target)
      case .table:
        let child = try child(of: entry, level: level, position: part.lowerBound)
        // A table is in the way of a larger page unless smaller ones may be used instead.
        guard mapping.leafLevels & ((1 &<< level) &- 1) != 0 else {
          throw .alreadyMapped(
            linearAddress: address(part.lowerBound), level: levelNumbered(level), entry: entry)
        }
        // More than there can be: a guest linked some more than once.
        guard tablesLeft > 0 else { throw invalid(entry, part.lowerBound, level) }
        tablesLeft &-= 1
        try checkMap(
          mapping, child, level: level &- 1, part, target, needed: &needed,
          tablesLeft: &tablesLeft)
      case .leaf:
        throw .alreadyMapped(
          linearAddress: address(part.lowerBound), level: levelNumbered(level), entry: entry)
      case .invalid:
        throw invalid(entry, part.lowerBound, level)
      }
    }
  }

  /// Writes a mapping that `checkMap` accepted.
  ///
  /// Throws only when somebody else changed the tables in between.
  @inlinable
  func writeMap(
    _ mapping: MapRequest, _ table: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let span = Configuration.span(level)
    let bits = mapping.leaf.bits(level)
    var added = 0
    defer { addPresent(added, to: table) }
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let index = Configuration.index(part.lowerBound, level)
      let entry = memory.entry(table, index)
      if entry == 0 {
        if mapping.isLeaf(level, span, part, target) {
          memory.setEntry(table, index, bits | target)
        } else {
          let child = try buildTable(
            mapping, level: level &- 1, part, target, allocator: &allocator)
          // Complete before it can be reached: the release store publishes all of it.
          memory.setEntry(table, index, child.address | mapping.linkBits)
        }
        added &+= 1
      } else {
        guard case .table = EntryClass(entry, level: level, in: Configuration.entryFormat),
          let child = memory.table(linkedBy: entry)
        else { throw invalid(entry, part.lowerBound, level) }
        if mapping.linkBits & ~entry & EntryBits.user != 0 {
          memory.addBits(table, index, EntryBits.user)
        }
        try writeMap(
          mapping, child, level: level &- 1, part, target, allocator: &allocator)
      }
    }
  }

  /// Makes a table at `level` that maps `range` and nothing else, without linking it.
  @inlinable
  func buildTable(
    _ mapping: MapRequest, level: UInt64, _ range: Range<UInt64>, _ physical: UInt64,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> TableFrame {
    let span = Configuration.span(level)
    let first = Configuration.index(range.lowerBound, level)
    let last = Configuration.index(range.upperBound &- 1, level)
    let used = first..<last &+ 1
    guard
      let table = newTable(level: level, used: used, allocator: &allocator)
    else { throw .outOfFrames(needed: 1, available: allocator.freeFrames) }
    if level == 1 {
      memory.fillUnlinked(table, used, first: mapping.leaf.small | physical, step: span)
    } else if mapping.leafLevels & (1 &<< level) != 0,
      (range.lowerBound | range.upperBound | physical) & (span &- 1) == 0
    {
      // Every entry of the range is a leaf.
      memory.fillUnlinked(table, used, first: mapping.leaf.large | physical, step: span)
    } else {
      for part in Configuration.parts(of: range, at: level) {
        let target = physical &+ (part.lowerBound &- range.lowerBound)
        let entry: UInt64
        if mapping.isLeaf(level, span, part, target) {
          entry = mapping.leaf.large | target
        } else {
          let child = try buildTable(
            mapping, level: level &- 1, part, target, allocator: &allocator)
          entry = child.address | mapping.linkBits
        }
        memory.setEntry(table, Configuration.index(part.lowerBound, level), entry)
      }
    }
    return table
  }
}
