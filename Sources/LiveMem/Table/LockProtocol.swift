// LockProtocol: which locks a range takes.

public import GuestMem
public import MMU

/// How a range of a shared page table is locked.
///
/// All of them serialise ranges that overlap. The covering table of a range is the lowest one whose
/// entries decide all of it; ranges with different covering tables that are not above one another
/// run at the same time with the first two.
///
/// Source: CortenMM (SOSP 2025) for the names and the first two protocols.
public enum LockProtocol: Hashable, Sendable {
  /// Descends without a lock inside an epoch, locks the covering table, begins again if it was
  /// unlinked meanwhile, and locks the tables below that the range meets, parents first and lower
  /// addresses first.
  case adv
  /// Takes readers' locks from the root down to the covering table's parent and a writer's lock of
  /// the covering table. A reader's lock stands in the line of its own pin, so that readers write
  /// nothing that another reader reads.
  case rw
  /// Locks the root, whatever the range: a yardstick for the others.
  case oneLock
}

/// The constants of a kind of page table that several threads change.
public protocol SharedPageTableConfiguration: PageTableConfiguration {
  /// How shared words are read and written; instructions unless a test says otherwise.
  associatedtype Access: WordAccess = HardwareAccess
  /// Which locks a range takes; `adv` unless the kind says otherwise.
  static var lockProtocol: LockProtocol { get }
}

extension SharedPageTableConfiguration {
  /// ``LockProtocol/adv``.
  @inlinable public static var lockProtocol: LockProtocol { .adv }

  /// True for a ``Mark``.
  @inlinable
  public static func isMark(_ entry: UInt64) -> Bool { Mark(entry: entry) != nil }
}

/// Real x86-64 tables of the whole linear-address space, for several threads.
public enum SharedPaging: SharedPageTableConfiguration {
  /// Instructions.
  public typealias Access = HardwareAccess
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
