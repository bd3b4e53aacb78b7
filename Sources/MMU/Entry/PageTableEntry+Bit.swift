// PageTableEntry.Bit: the bits of an entry, under the manual's names.

extension PageTableEntry {
  /// Masks of the bits of an entry.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4, tables 5-14 to 5-20.
  @frozen public enum Bit {
    /// P, bit 0: the entry is used; with it clear every other bit is ignored.
    @inlinable public static var present: UInt64 { 1 }
    /// R/W, bit 1: writes are allowed.
    @inlinable public static var readWrite: UInt64 { 1 << 1 }
    /// U/S, bit 2: user-mode accesses are allowed.
    @inlinable public static var userSupervisor: UInt64 { 1 << 2 }
    /// PWT, bit 3: page-level write-through.
    @inlinable public static var pageLevelWriteThrough: UInt64 { 1 << 3 }
    /// PCD, bit 4: page-level cache disable.
    @inlinable public static var pageLevelCacheDisable: UInt64 { 1 << 4 }
    /// A, bit 5: the processor has used the entry.
    @inlinable public static var accessed: UInt64 { 1 << 5 }
    /// D, bit 6 of a leaf: the processor has written to the page.
    @inlinable public static var dirty: UInt64 { 1 << 6 }
    /// PS, bit 7 of a PDE or PDPTE: the entry maps a page.
    @inlinable public static var pageSize: UInt64 { 1 << 7 }
    /// G, bit 8 of a leaf: the translation is global.
    @inlinable public static var global: UInt64 { 1 << 8 }
    /// PAT, bit 7 of a PTE.
    @inlinable public static var patOf4KiBPage: UInt64 { 1 << 7 }
    /// PAT, bit 12 of a PDE or PDPTE that maps a page.
    @inlinable public static var patOfLargePage: UInt64 { 1 << 12 }
    /// XD (Intel) or NX (AMD), bit 63: instruction fetches are not allowed.
    @inlinable public static var noExecute: UInt64 { 1 << 63 }

    /// Bits 51:12: the physical address of a table or of a 4 KiB page.
    @inlinable public static var address: UInt64 { 0x000f_ffff_ffff_f000 }
    /// Bits 62:59 of a leaf: the protection key, when CR4.PKE or CR4.PKS is set.
    @inlinable public static var protectionKey: UInt64 { 0xf << 59 }
    /// Bits 58:52 and 11:9: ignored by the processor, free for software.
    @inlinable public static var software: UInt64 { 0x7f << 52 | 0x7 << 9 }
    /// Bits 20:13: reserved in a PDE that maps a 2 MiB page.
    @inlinable public static var lowAddressOf2MiBPage: UInt64 { 0x001f_e000 }
    /// Bits 29:13: reserved in a PDPTE that maps a 1 GiB page.
    @inlinable public static var lowAddressOf1GiBPage: UInt64 { 0x3fff_e000 }
  }
}
