// MappedRun: neighbouring pages that lead to neighbouring memory in the same way.

/// Pages of one size, contiguous in linear and physical addresses, with the same properties.
@frozen public struct MappedRun: Hashable, Sendable {
  /// The first linear address, canonical.
  public let linearAddress: UInt64
  /// The first physical address.
  public let physicalAddress: GuestPhysicalAddress
  /// The number of pages, at least 1.
  public var pageCount: UInt64
  /// The size of each page.
  public let pageSize: PageSize
  /// The bits of the leaves that are the same in all of them; see ``sameBits(_:)``.
  public let leafBits: UInt64
  /// The rights that the entries above the leaves allow.
  public let inherited: InheritedRights
  /// The number of leaves with A set.
  public var accessedCount: UInt64
  /// The number of leaves with D set.
  public var dirtyCount: UInt64

  /// The bits of a leaf that all pages of a run share: all but the address, A, D and software's.
  ///
  /// Where `size` is not 4 KiB, bit 12 is PAT and no address.
  @inlinable
  public static func sameBits(_ size: PageSize) -> UInt64 {
    typealias Bit = PageTableEntry.Bit
    let rest = ~(Bit.address | Bit.accessed | Bit.dirty | Bit.software)
    return size == .size4KiB ? rest : rest | Bit.patOfLargePage
  }

  /// The run of the one page that `visit`, a leaf of `size` below `inherited`, maps.
  @inlinable
  public init(_ visit: EntryVisit, _ size: PageSize, inherited: InheritedRights) {
    linearAddress = visit.linearAddress
    physicalAddress = visit.entry.pageAddress
    pageCount = 1
    pageSize = size
    leafBits = visit.entry.rawValue & Self.sameBits(size)
    self.inherited = inherited
    accessedCount = visit.entry.isAccessed ? 1 : 0
    dirtyCount = visit.entry.isDirty ? 1 : 0
  }

  /// The number of bytes.
  @inlinable public var byteCount: UInt64 { pageCount &* pageSize.byteCount }
  /// The last linear address.
  @inlinable public var lastAddress: UInt64 { linearAddress &+ (byteCount &- 1) }
  /// A leaf of the run, without its address.
  @inlinable public var leaf: PageTableEntry { PageTableEntry(leafBits, at: pageSize.level) }

  /// R/W, U/S and XD over all levels, in the positions of an entry.
  @inlinable public var combinedRights: UInt64 {
    InheritedRights.combine(inherited.combined, leaf)
  }
  /// R/W is set at every level.
  @inlinable public var isWritable: Bool { combinedRights & PageTableEntry.Bit.readWrite != 0 }
  /// U/S is set at every level.
  @inlinable public var isUser: Bool { combinedRights & PageTableEntry.Bit.userSupervisor != 0 }
  /// XD is clear at every level.
  @inlinable public var isExecutable: Bool { combinedRights & PageTableEntry.Bit.noExecute == 0 }
  /// An entry above takes away a right that the leaves give.
  @inlinable public var isRestrictedByParent: Bool {
    inherited.writeRestriction != nil && leaf.isWritable
      || inherited.userRestriction != nil && leaf.isUserAccessible
      || inherited.fetchRestriction != nil && !leaf.isNoExecute
  }

  /// Takes in the page of `next` when it continues the run; says whether it did.
  @inlinable
  public mutating func append(_ next: MappedRun) -> Bool {
    let bytes = byteCount
    guard next.linearAddress == linearAddress &+ bytes, next.linearAddress != 0,
      next.physicalAddress.rawValue == physicalAddress.rawValue &+ bytes,
      next.pageSize == pageSize, next.leafBits == leafBits,
      hasSameRestrictions(next.inherited)
    else { return false }
    pageCount &+= next.pageCount
    accessedCount &+= next.accessedCount
    dirtyCount &+= next.dirtyCount
    return true
  }

  /// Restrictions that change nothing for the leaf do not split a run.
  @inlinable
  func hasSameRestrictions(_ other: InheritedRights) -> Bool {
    if inherited == other { return true }
    guard inherited.combined == other.combined else { return false }
    return (!leaf.isWritable || inherited.writeRestriction == other.writeRestriction)
      && (!leaf.isUserAccessible || inherited.userRestriction == other.userRestriction)
      && (leaf.isNoExecute || inherited.fetchRestriction == other.fetchRestriction)
  }
}
