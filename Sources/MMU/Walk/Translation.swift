// Translation: what a walk that found a page says about it.

/// The outcome of a walk that found a page: the address, and the rights over all levels.
@frozen public struct Translation: Hashable, Sendable {
  /// The linear address, translated to its byte.
  public let physicalAddress: GuestPhysicalAddress
  /// The entry that maps the page.
  public let leaf: PageTableEntry
  /// R/W and U/S of all levels combined by "and", bit 63 by "or" of the levels' XD.
  @usableFromInline let combinedRights: UInt64

  /// Combines what a walk found; `combinedRights` in the bit positions of an entry.
  @inlinable
  init(physicalAddress: GuestPhysicalAddress, leaf: PageTableEntry, combinedRights: UInt64) {
    self.physicalAddress = physicalAddress
    self.leaf = leaf
    self.combinedRights = combinedRights
  }

  /// The same translation with U/S set at every level.
  var asUserPage: Translation {
    Translation(
      physicalAddress: physicalAddress, leaf: leaf,
      combinedRights: combinedRights | PageTableEntry.Bit.userSupervisor)
  }

  /// The size of the page.
  @inlinable public var pageSize: PageSize {
    switch leaf.level {
    case .pageDirectory: .size2MiB
    case .pageDirectoryPointerTable: .size1GiB
    default: .size4KiB
    }
  }

  /// R/W is set at every level.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1.
  @inlinable public var isWritable: Bool { combinedRights & PageTableEntry.Bit.readWrite != 0 }

  /// U/S is set at every level: the address is a user-mode address.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1.
  @inlinable public var isUser: Bool { combinedRights & PageTableEntry.Bit.userSupervisor != 0 }

  /// XD is set at some level.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1.
  @inlinable public var isNoExecute: Bool { combinedRights & PageTableEntry.Bit.noExecute != 0 }

  /// G of the leaf: the translation survives a load of CR3 while CR4.PGE is set.
  @inlinable public var isGlobal: Bool { leaf.isGlobal }

  /// Bits 62:59 of the leaf, 0 to 15.
  @inlinable public var protectionKey: UInt8 { leaf.protectionKey }

  /// The index into IA32_PAT that the leaf selects, 0 to 7.
  @inlinable public var patIndex: UInt8 { leaf.patIndex }
}
