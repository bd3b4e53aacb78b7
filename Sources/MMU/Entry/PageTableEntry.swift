// PageTableEntry: the 64 bits of an entry, read for the level that it lives at.

/// An entry of a paging structure: 64 bits and the level that gives them their meaning.
///
/// Source: Intel SDM volume 3A, section 5.5.4, tables 5-14 to 5-20.
@frozen public struct PageTableEntry: Hashable, Sendable {
  /// The 64 bits as they stand in memory.
  public let rawValue: UInt64
  /// The structure that the entry lives in.
  public let level: Level

  /// Reads `rawValue` as an entry of the structure at `level`.
  @inlinable
  public init(_ rawValue: UInt64, at level: Level) {
    self.rawValue = rawValue
    self.level = level
  }

  /// P: the entry is used.
  @inlinable public var isPresent: Bool { rawValue & Bit.present != 0 }
  /// R/W: the entry allows writes.
  @inlinable public var isWritable: Bool { rawValue & Bit.readWrite != 0 }
  /// U/S: the entry allows user-mode accesses.
  @inlinable public var isUserAccessible: Bool { rawValue & Bit.userSupervisor != 0 }
  /// PWT.
  @inlinable public var isWriteThrough: Bool { rawValue & Bit.pageLevelWriteThrough != 0 }
  /// PCD.
  @inlinable public var isCacheDisabled: Bool { rawValue & Bit.pageLevelCacheDisable != 0 }
  /// A: the processor has used the entry.
  @inlinable public var isAccessed: Bool { rawValue & Bit.accessed != 0 }
  /// D: the processor has written to the page; has a meaning in a leaf only.
  @inlinable public var isDirty: Bool { rawValue & Bit.dirty != 0 }
  /// XD or NX: the entry forbids instruction fetches; reserved while IA32_EFER.NXE is clear.
  @inlinable public var isNoExecute: Bool { rawValue & Bit.noExecute != 0 }

  /// PS is set where it selects a large page: in a PDE or a PDPTE.
  @inlinable public var isLargePage: Bool {
    @inline(__always) get {
      (level == .pageDirectory || level == .pageDirectoryPointerTable)
        && rawValue & Bit.pageSize != 0
    }
  }

  /// The entry maps a page: a PTE, or a PDE or PDPTE with PS set.
  @inlinable public var isLeaf: Bool { level == .pageTable || isLargePage }

  /// G in a leaf: the translation survives a load of CR3 while CR4.PGE is set.
  @inlinable public var isGlobal: Bool { isLeaf && rawValue & Bit.global != 0 }

  /// The PAT bit of a leaf, 0 or 1: bit 7 of a PTE, bit 12 of a large page; 0 in other entries.
  @inlinable public var patBit: UInt8 {
    if level == .pageTable { return UInt8(truncatingIfNeeded: rawValue &>> 7 & 1) }
    return isLargePage ? UInt8(truncatingIfNeeded: rawValue &>> 12 & 1) : 0
  }

  /// The index into IA32_PAT that the entry selects, 0 to 7: PAT, PCD and PWT from high to low.
  ///
  /// Source: Intel SDM volume 3A, section 5.9.2.
  @inlinable public var patIndex: UInt8 {
    patBit &<< 2 | UInt8(truncatingIfNeeded: rawValue &>> 3 & 3)
  }

  /// Bits 62:59, 0 to 15; the processor looks at them in a leaf while CR4.PKE or CR4.PKS is set.
  @inlinable public var protectionKey: UInt8 { UInt8(truncatingIfNeeded: rawValue &>> 59 & 0xf) }

  /// The bits that are always software's own: bits 11:9 in bits 2:0, bits 58:52 in bits 9:3.
  @inlinable public var softwareBits: UInt16 {
    UInt16(truncatingIfNeeded: rawValue &>> 9 & 7 | (rawValue &>> 52 & 0x7f) &<< 3)
  }

  /// The size of the page that the entry maps, or nil when it points at a table.
  @inlinable public var pageSize: PageSize? { isLeaf ? PageSize(level: level) : nil }

  /// Bits 51:12, the address of the next table; has a meaning unless the entry is a leaf.
  @inlinable public var tableAddress: GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: rawValue & Bit.address)
  }

  /// The address of the page: bits 51:12, 51:21 or 51:30; has a meaning in a leaf.
  @inlinable public var pageAddress: GuestPhysicalAddress {
    @inline(__always) get {
      GuestPhysicalAddress(truncating: rawValue & Bit.address & ~(level.span &- 1))
    }
  }
}
