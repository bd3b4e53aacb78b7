// TableRules, ranges: linear addresses as positions that cannot overflow.

public import MMU

extension TableRules {
  /// The number of address bits that the tables translate.
  @inlinable var addressWidth: UInt64 { 12 &+ Configuration.indexBitCount &* rootLevel }

  /// The linear address of a position: its top bit repeated above.
  @inlinable
  package func address(_ position: UInt64) -> UInt64 {
    let shift = Int64(64 &- addressWidth)
    return UInt64(bitPattern: Int64(bitPattern: position &<< UInt64(shift)) &>> shift)
  }

  /// The position of a linear address: its low bits, so that the last page ends at 2^width.
  ///
  /// - Throws: ``PageTableError/notCanonical(_:)``.
  @inlinable
  package func position(_ linear: LinearAddress) throws(PageTableError) -> UInt64 {
    let position = linear.rawValue & (1 &<< addressWidth &- 1)
    guard address(position) == linear.rawValue else { throw .notCanonical(linear.rawValue) }
    return position
  }

  /// The positions of a range of whole pages inside one canonical half.
  @inlinable
  package func positions(
    _ linear: LinearAddress, byteCount: UInt64
  ) throws(PageTableError) -> Range<UInt64> {
    let start = try position(linear)
    guard byteCount > 0 else { throw .emptyRange(linear.rawValue) }
    guard start & 4095 == 0 else {
      throw .misalignedLinearAddress(linear.rawValue, alignment: 4096)
    }
    guard byteCount & 4095 == 0 else { throw .misalignedByteCount(byteCount, alignment: 4096) }
    let half: UInt64 = 1 &<< (addressWidth &- 1)
    let limit = start < half ? half : half &<< 1
    guard byteCount <= limit &- start else {
      throw .rangeNotCanonical(start: linear.rawValue, byteCount: byteCount)
    }
    switch Configuration.ownedSpace {
    case .all: break
    case .lowerHalf:
      guard start < half else { throw .notOwned(start: linear.rawValue, byteCount: byteCount) }
    case .upperHalf:
      guard start >= half else { throw .notOwned(start: linear.rawValue, byteCount: byteCount) }
    }
    return start..<start &+ byteCount
  }

  /// The highest level at which this table may have leaves.
  @inlinable package var highestLeafLevel: UInt64 {
    // A root at level 1 has nothing but leaves.
    let highest = min(UInt64(Configuration.highestLeafLevel.rawValue), max(rootLevel &- 1, 1))
    return paging.supports1GiBPages ? min(highest, 3) : min(highest, 2)
  }

  /// One bit for each level at which a mapping may have leaves: bit 1 for 4 KiB, and so on.
  @inlinable
  package func leafLevels(_ choice: PageSizeChoice) throws(PageTableError) -> UInt64 {
    switch choice {
    case .largest: return (2 &<< highestLeafLevel) &- 2
    case .exactly(let size):
      let level = UInt64(size.level.rawValue)
      guard level <= highestLeafLevel else { throw .pageSizeUnsupported(size) }
      return 1 &<< level
    }
  }
}
