// PageSize: the sizes of page that a leaf entry can map.

/// The size of a page: 4 KiB at level 1, 2 MiB at level 2, 1 GiB at level 3.
///
/// Source: Intel SDM volume 3A, section 5.5.4.
@frozen public enum PageSize: UInt64, CaseIterable, Comparable, Hashable, Sendable {
  /// A 4 KiB page, mapped by a PTE.
  case size4KiB = 0x1000
  /// A 2 MiB page, mapped by a PDE with PS = 1.
  case size2MiB = 0x20_0000
  /// A 1 GiB page, mapped by a PDPTE with PS = 1.
  case size1GiB = 0x4000_0000

  /// The size in bytes.
  @inlinable public var byteCount: UInt64 { rawValue }

  /// The level whose leaf entries map pages of this size.
  @inlinable public var level: Level {
    switch self {
    case .size4KiB: .pageTable
    case .size2MiB: .pageDirectory
    case .size1GiB: .pageDirectoryPointerTable
    }
  }

  /// The size of page that a leaf at `level` maps, or nil where no leaf can exist.
  @inlinable
  public init?(level: Level) {
    switch level {
    case .pageTable: self = .size4KiB
    case .pageDirectory: self = .size2MiB
    case .pageDirectoryPointerTable: self = .size1GiB
    case .pageMapLevel4, .pageMapLevel5: return nil
    }
  }

  /// Orders sizes from the smallest to the largest.
  @inlinable
  public static func < (left: PageSize, right: PageSize) -> Bool {
    left.rawValue < right.rawValue
  }
}
