// LargestPages: a range cut into the largest pages that alignment and length allow.

public import MMU

/// One page of a range.
@frozen public struct PagePlacement: Hashable, Sendable {
  /// Its linear address.
  public let linearAddress: LinearAddress
  /// Its physical address.
  public let physicalAddress: GuestPhysicalAddress
  /// Its size.
  public let size: PageSize
}

/// The pages that map a range, in order, disjoint, and together exactly the range.
public struct LargestPages: Sequence, IteratorProtocol, Sendable {
  private var linear: UInt64
  private var physical: UInt64
  private var remaining: UInt64
  private let largest: PageSize

  init(linear: UInt64, physical: UInt64, remaining: UInt64, largest: PageSize) {
    self.linear = linear
    self.physical = physical
    self.remaining = remaining
    self.largest = largest
  }

  /// The next page.
  public mutating func next() -> PagePlacement? {
    guard remaining > 0 else { return nil }
    let size =
      PageSize.allCases.last { size in
        size <= largest && size.byteCount <= remaining
          && (linear | physical) % size.byteCount == 0
      } ?? .size4KiB
    let page = PagePlacement(
      linearAddress: LinearAddress(truncating: linear, width: .bits57),
      physicalAddress: GuestPhysicalAddress(truncating: physical), size: size)
    linear &+= size.byteCount
    physical &+= size.byteCount
    remaining -= size.byteCount
    return page
  }
}

extension ConfiguredPageTable {
  /// The largest pages for a range, as ``PageSizeChoice/largest`` chooses them in empty space.
  ///
  /// - Throws: ``PageTableError`` for ranges that are not whole pages, canonical and in reach.
  public func largestPages(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress
  ) throws(PageTableError) -> LargestPages {
    _ = try tables.positions(linearAddress, byteCount: byteCount)
    try tables.checkPhysical(physicalAddress, byteCount: byteCount)
    return LargestPages(
      linear: linearAddress.rawValue, physical: physicalAddress.rawValue, remaining: byteCount,
      largest: PageSize(level: levelNumbered(tables.highestLeafLevel)) ?? .size4KiB)
  }
}
