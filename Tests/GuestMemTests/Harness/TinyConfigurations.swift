// Page tables so small that every sequence of operations can be tried.

import GuestMem
import MMU

/// Tables of 2 entries; with 2 levels a table translates 4 pages, with 3 levels 8.
enum TinyPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
}

/// Tables of 4 entries; with 2 levels a table translates 16 pages.
enum SmallPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 2 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
}

/// Tiny tables whose leaves own frames when software bit 9 is set.
enum TinyTrackedPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .trackedWhenSet(softwareBit: 9) }
}

/// Tiny tables in the format of OSTD, whose leaves own nothing.
enum TinyOSTDPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var entryFormat: EntryFormat { .ostd }
}

/// Tiny tables in the format of OSTD, whose leaves own frames unless AVAIL1 is set.
enum TinyTrackedOSTDPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .trackedWhenClear(softwareBit: 3) }
  static var entryFormat: EntryFormat { .ostd }
}

/// Tables of 4 entries in the format of OSTD.
enum SmallOSTDPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 2 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var entryFormat: EntryFormat { .ostd }
}

/// Tables of processors in the format of OSTD: both halves, and leaves that own nothing.
enum WideOSTDPaging: PageTableConfiguration {
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var entryFormat: EntryFormat { .ostd }
}

/// Another configuration, with fair locks.
enum Fair<Base: PageTableConfiguration>: PageTableConfiguration {
  static var indexBitCount: UInt64 { Base.indexBitCount }
  static var ownedSpace: OwnedSpace { Base.ownedSpace }
  static var topLevelRemoval: TopLevelRemoval { Base.topLevelRemoval }
  static var highestLeafLevel: Level { Base.highestLeafLevel }
  static var leafOwnership: LeafOwnership { Base.leafOwnership }
  static var entryFormat: EntryFormat { Base.entryFormat }
  static var nodeLock: NodeLock { .fair }
}

/// The processor's view of a format with any number of levels; real ones have 4 or 5.
func testPaging(levels: Level) throws -> PagingConfiguration {
  try PagingConfiguration(rootLevel: max(levels, .pageMapLevel4), physicalAddressWidth: 46)
}
