// Level: which of the paging structures an entry lives in.

/// A level of the paging structures, counted from the one that maps 4 KiB pages.
///
/// Source: Intel SDM volume 3A, section 5.5.4, table 5-14 ff. (formats of the entries).
@frozen public enum Level: UInt8, CaseIterable, Comparable, Hashable, Sendable {
  /// Page table (PT, level 1); its entries are PTEs.
  case pageTable = 1
  /// Page directory (PD, level 2); its entries are PDEs.
  case pageDirectory = 2
  /// Page-directory-pointer table (PDPT, level 3); its entries are PDPTEs.
  case pageDirectoryPointerTable = 3
  /// Page-map level-4 table (PML4, level 4); its entries are PML4Es.
  case pageMapLevel4 = 4
  /// Page-map level-5 table (PML5, level 5); its entries are PML5Es.
  case pageMapLevel5 = 5

  /// The position of the lowest linear-address bit that selects an entry at this level.
  @inlinable public var indexShift: UInt64 {
    @inline(__always) get { 12 &+ 9 &* (UInt64(rawValue) &- 1) }
  }

  /// The number of bytes of linear-address space that one entry at this level covers.
  @inlinable public var span: UInt64 {
    @inline(__always) get { 1 &<< indexShift }
  }

  /// The index of the entry that translates `address` at this level, 0 to 511.
  @inlinable
  public func index(of address: LinearAddress) -> Int {
    Int(truncatingIfNeeded: (address.rawValue >> indexShift) & 511)
  }

  /// The next level towards the page, or nil at level 1.
  @inlinable public var lower: Level? { Level(rawValue: rawValue - 1) }

  /// The next level towards the root, or nil at level 5.
  @inlinable public var upper: Level? { Level(rawValue: rawValue + 1) }

  /// The manual's abbreviation of the structure: PT, PD, PDPT, PML4 or PML5.
  public var abbreviation: String {
    switch self {
    case .pageTable: "PT"
    case .pageDirectory: "PD"
    case .pageDirectoryPointerTable: "PDPT"
    case .pageMapLevel4: "PML4"
    case .pageMapLevel5: "PML5"
    }
  }

  /// The manual's name of an entry at this level: PTE, PDE, PDPTE, PML4E or PML5E.
  public var entryName: String { abbreviation + "E" }

  /// Orders levels from the page table up to the root.
  @inlinable
  public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
}
