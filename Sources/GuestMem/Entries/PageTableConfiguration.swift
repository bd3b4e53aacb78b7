// PageTableConfiguration: what is fixed about a kind of page table when it is compiled.

public import MMU

/// Whether entries of the root that lead to tables may be removed.
public enum TopLevelRemoval: Hashable, Sendable {
  /// A root entry goes away when nothing is mapped below it.
  case allowed
  /// Other roots share the tables below, so their root entries stay for ever.
  case forbidden
}

/// The constants of a kind of page table.
///
/// The number of levels is a value (4 or 5 at run time); the width of a table is a type, so that
/// the compiler sees constants and tests can use tables of 2 or 4 entries.
public protocol PageTableConfiguration: Sendable {
  /// The linear-address bits that select an entry at each level: 9 on real processors.
  static var indexBitCount: UInt64 { get }
  /// The entries of the root that tables of this kind own, as halves of the linear space.
  static var ownedSpace: OwnedSpace { get }
  /// Whether root entries may be removed.
  static var topLevelRemoval: TopLevelRemoval { get }
  /// The highest level at which a leaf may stand.
  static var highestLeafLevel: Level { get }
  /// Which leaves own the frames they map.
  static var leafOwnership: LeafOwnership { get }
  /// How entries are written; native unless said otherwise.
  static var entryFormat: EntryFormat { get }
  /// Which lock the nodes have; ``NodeLock/spin`` unless the kind says otherwise.
  static var nodeLock: NodeLock { get }
  /// True for an entry with P = 0 that says something about a page which is not mapped: the contracts take it
  /// for one that is counted, and everything else here refuses it; never unless the kind says otherwise.
  static func isMark(_ entry: UInt64) -> Bool
  /// Called by the thread that took the lock of a node, before it changes anything in the node.
  ///
  /// Nothing unless the kind says otherwise. It must not use the table. ``LockOrder`` judges what a
  /// recorder collects here.
  static func didLock(frame: UInt64, level: Level)
  /// Called by the thread that is about to release the lock of a node.
  static func willUnlock(frame: UInt64, level: Level)
}

extension PageTableConfiguration {
  /// ``NodeLock/spin``.
  @inlinable public static var nodeLock: NodeLock { .spin }
  /// Never.
  @inlinable public static func isMark(_ entry: UInt64) -> Bool { false }
  /// Nothing.
  @inlinable public static func didLock(frame: UInt64, level: Level) {}
  /// Nothing.
  @inlinable public static func willUnlock(frame: UInt64, level: Level) {}
}

/// Which leaves own a share of the frames they map, and which software bit tells.
///
/// The bit belongs to the page table: it is not part of the properties that callers see or set.
public enum LeafOwnership: Hashable, Sendable {
  /// No leaf owns anything; all software bits are the caller's.
  case none
  /// Leaves with this software bit, 0 to 9, own one share of each of their frames.
  case trackedWhenSet(softwareBit: UInt16)
  /// Leaves without this software bit, 0 to 9, own one share of each of their frames.
  case trackedWhenClear(softwareBit: UInt16)

  /// The software bit as a mask, or 0.
  @inlinable var softwareMask: UInt16 {
    switch self {
    case .none: 0
    case .trackedWhenSet(let bit), .trackedWhenClear(let bit): 1 &<< bit
    }
  }

  /// The bit as it stands in an entry, or 0.
  @inlinable var entryMask: UInt64 { EntryBits.software(softwareMask) }

  /// What stands in the place of the bit in leaves that own nothing.
  @inlinable var untrackedBits: UInt64 {
    if case .trackedWhenClear = self { entryMask } else { 0 }
  }

  /// What stands in the place of the bit in leaves that own their frames.
  @inlinable var trackedBits: UInt64 {
    if case .trackedWhenSet = self { entryMask } else { 0 }
  }

  /// True for a leaf that owns a share of its frames.
  @inlinable
  func isTracked(_ entry: UInt64) -> Bool {
    self != .none && entry & entryMask == trackedBits
  }
}

/// The part of the linear-address space that a page table owns.
public enum OwnedSpace: Hashable, Sendable {
  /// Both halves.
  case all
  /// The half from address 0 on, where user programs live.
  case lowerHalf
  /// The half up to the last address, where kernels live.
  case upperHalf
}

extension PageTableConfiguration {
  /// Native.
  @inlinable public static var entryFormat: EntryFormat { .native }

  /// What IA32_PAT must be while a processor runs on tables of this kind.
  ///
  /// Source: Intel SDM volume 3A, section 13.12.2 (IA32_PAT MSR).
  @inlinable public static var pageAttributeTable: UInt64 {
    switch entryFormat {
    case .native: PageAttributeTable.standard
    case .ostd: PageAttributeTable.ostd
    }
  }

  /// The number of entries of a table.
  @inlinable package static var entryCount: Int { 1 &<< Int(truncatingIfNeeded: indexBitCount) }

  /// The position of the lowest address bit that selects an entry at `level`.
  @inlinable
  package static func shift(_ level: UInt64) -> UInt64 { 12 &+ indexBitCount &* (level &- 1) }

  /// The number of bytes that an entry at `level` covers.
  @inlinable
  package static func span(_ level: UInt64) -> UInt64 { 1 &<< shift(level) }

  /// The index of the entry for a position at `level`.
  @inlinable
  package static func index(_ position: UInt64, _ level: UInt64) -> Int {
    Int(truncatingIfNeeded: (position &>> shift(level)) & (1 &<< indexBitCount &- 1))
  }
}

/// Real x86-64 tables that own the whole linear-address space.
public enum NativePaging: PageTableConfiguration {
  /// 512 entries.
  @inlinable public static var indexBitCount: UInt64 { 9 }
  /// Both halves.
  @inlinable public static var ownedSpace: OwnedSpace { .all }
  /// Allowed.
  @inlinable public static var topLevelRemoval: TopLevelRemoval { .allowed }
  /// 1 GiB pages.
  @inlinable public static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  /// Leaves own nothing.
  @inlinable public static var leafOwnership: LeafOwnership { .none }
}

/// The tables of a user program: the lower half, with leaves that own frames unless marked.
public enum UserPaging: UserTableConfiguration {
  /// The kernel's tables in the same format.
  public typealias Kernel = KernelPaging
  /// 512 entries.
  @inlinable public static var indexBitCount: UInt64 { 9 }
  /// The lower half.
  @inlinable public static var ownedSpace: OwnedSpace { .lowerHalf }
  /// Allowed.
  @inlinable public static var topLevelRemoval: TopLevelRemoval { .allowed }
  /// 1 GiB pages.
  @inlinable public static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  /// Software bit 9 (bit 58) marks device memory and other pages that are not owned.
  @inlinable public static var leafOwnership: LeafOwnership { .trackedWhenClear(softwareBit: 9) }
}

/// The tables of a kernel: the upper half, shared by all user roots, with marked leaves that own.
public enum KernelPaging: KernelTableConfiguration {
  /// 512 entries.
  @inlinable public static var indexBitCount: UInt64 { 9 }
  /// The upper half.
  @inlinable public static var ownedSpace: OwnedSpace { .upperHalf }
  /// Forbidden: user roots have copies of the root entries.
  @inlinable public static var topLevelRemoval: TopLevelRemoval { .forbidden }
  /// 1 GiB pages.
  @inlinable public static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  /// Software bit 9 (bit 58) marks pages that are owned.
  @inlinable public static var leafOwnership: LeafOwnership { .trackedWhenSet(softwareBit: 9) }
}
