// PageProperties: everything a mapping can say about a page besides where it is.

/// What may be done with a page.
@frozen public struct PageRights: OptionSet, Hashable, Sendable {
  /// Bit 0 read, bit 1 write, bit 2 execute.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Data may be read.
  @inlinable public static var read: PageRights { PageRights(rawValue: 1) }
  /// Data may be written.
  @inlinable public static var write: PageRights { PageRights(rawValue: 2) }
  /// Instructions may be fetched.
  @inlinable public static var execute: PageRights { PageRights(rawValue: 4) }
}

/// The memory type that a page's PWT, PCD and PAT bits select from IA32_PAT.
///
/// Source: Intel SDM volume 3A, section 13.12 (page attribute table).
@frozen public enum MemoryType: UInt8, CaseIterable, Hashable, Sendable {
  /// WB, encoding 6.
  case writeBack = 6
  /// WT, encoding 4.
  case writeThrough = 4
  /// UC-, encoding 7: UC unless an MTRR says WC.
  case uncachedMinus = 7
  /// UC, encoding 0.
  case uncacheable = 0
  /// WC, encoding 1.
  case writeCombining = 1
  /// WP, encoding 5.
  case writeProtected = 5
}

/// The properties of a page: rights, privilege, hints and software's own bits.
///
/// They stand in one word, so that they are as cheap to pass as an entry.
@frozen public struct PageProperties: Hashable, Sendable {
  /// U/S, A, D and G where an entry has them; from bit 16 on 16 bits for software, from 32 the
  /// protection key, from 40 the rights, and from 48 the memory type.
  @usableFromInline var word: UInt64

  /// Everything but the rights defaults to the plainest page.
  @inlinable
  public init(
    rights: PageRights, isUser: Bool = false, isGlobal: Bool = false, isAccessed: Bool = false,
    isDirty: Bool = false, memoryType: MemoryType = .writeBack, protectionKey: UInt8 = 0,
    softwareBits: UInt16 = 0
  ) {
    word =
      UInt64(rights.rawValue) &<< 40 | UInt64(memoryType.rawValue) &<< 48
      | UInt64(protectionKey) &<< 32 | UInt64(softwareBits) &<< 16
      | (isUser ? EntryBits.user : 0) | (isGlobal ? EntryBits.global : 0)
      | (isAccessed ? EntryBits.accessed : 0) | (isDirty ? EntryBits.dirty : 0)
  }

  /// What may be done with the page.
  @inlinable public var rights: PageRights {
    get { PageRights(rawValue: UInt8(truncatingIfNeeded: word &>> 40)) }
    set { set(UInt64(newValue.rawValue) &<< 40, in: 0xff &<< 40) }
  }

  /// U/S: code at CPL 3 may use the page.
  @inlinable public var isUser: Bool {
    get { word & EntryBits.user != 0 }
    set { set(newValue ? EntryBits.user : 0, in: EntryBits.user) }
  }

  /// G: the translation survives a load of CR3 when CR4.PGE is set.
  @inlinable public var isGlobal: Bool {
    get { word & EntryBits.global != 0 }
    set { set(newValue ? EntryBits.global : 0, in: EntryBits.global) }
  }

  /// A: the page has been used.
  @inlinable public var isAccessed: Bool {
    get { word & EntryBits.accessed != 0 }
    set { set(newValue ? EntryBits.accessed : 0, in: EntryBits.accessed) }
  }

  /// D: the page has been written.
  @inlinable public var isDirty: Bool {
    get { word & EntryBits.dirty != 0 }
    set { set(newValue ? EntryBits.dirty : 0, in: EntryBits.dirty) }
  }

  /// The memory type, selected through IA32_PAT.
  @inlinable public var memoryType: MemoryType {
    get { MemoryType(rawValue: UInt8(truncatingIfNeeded: word &>> 48)) ?? .writeBack }
    set { set(UInt64(newValue.rawValue) &<< 48, in: 0xff &<< 48) }
  }

  /// Bits 62:59, 0 to 15.
  @inlinable public var protectionKey: UInt8 {
    get { UInt8(truncatingIfNeeded: word &>> 32) }
    set { set(UInt64(newValue) &<< 32, in: 0xff &<< 32) }
  }

  /// Bits the processor ignores: bits 11:9 of the entry in bits 2:0, bits 58:52 in bits 9:3.
  @inlinable public var softwareBits: UInt16 {
    get { UInt16(truncatingIfNeeded: word &>> 16) }
    set { set(UInt64(newValue) &<< 16, in: 0xffff &<< 16) }
  }

  @inlinable @inline(__always)
  mutating func set(_ bits: UInt64, in mask: UInt64) { word = word & ~mask | bits }
}
