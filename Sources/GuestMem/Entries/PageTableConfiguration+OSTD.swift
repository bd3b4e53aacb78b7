// PageTableConfiguration, OSTD: the kinds of tables that kernels on OSTD have.

public import MMU

/// The tables of a user program in the format of OSTD: the lower half, with leaves that own frames
/// unless AVAIL1 marks them.
public enum OSTDUserPaging: UserTableConfiguration {
  /// The kernel's tables in the same format.
  public typealias Kernel = OSTDKernelPaging
  /// 512 entries.
  @inlinable public static var indexBitCount: UInt64 { 9 }
  /// The lower half.
  @inlinable public static var ownedSpace: OwnedSpace { .lowerHalf }
  /// Allowed.
  @inlinable public static var topLevelRemoval: TopLevelRemoval { .allowed }
  /// 1 GiB pages; OSTD itself maps none above 2 MiB, though its format has them.
  @inlinable public static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  /// AVAIL1, software bit 3 (bit 52), marks device memory and other pages that are not owned.
  @inlinable public static var leafOwnership: LeafOwnership { .trackedWhenClear(softwareBit: 3) }
  /// That of OSTD.
  @inlinable public static var entryFormat: EntryFormat { .ostd }
}

/// The tables of a kernel in the format of OSTD: the upper half, shared by all user roots, with
/// leaves that own frames where AVAIL1 marks them.
public enum OSTDKernelPaging: KernelTableConfiguration {
  /// 512 entries.
  @inlinable public static var indexBitCount: UInt64 { 9 }
  /// The upper half.
  @inlinable public static var ownedSpace: OwnedSpace { .upperHalf }
  /// Forbidden: user roots have copies of the root entries.
  @inlinable public static var topLevelRemoval: TopLevelRemoval { .forbidden }
  /// 1 GiB pages; OSTD itself maps none above 2 MiB, though its format has them.
  @inlinable public static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  /// AVAIL1, software bit 3 (bit 52), marks pages that are owned.
  @inlinable public static var leafOwnership: LeafOwnership { .trackedWhenSet(softwareBit: 3) }
  /// That of OSTD.
  @inlinable public static var entryFormat: EntryFormat { .ostd }
}
