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
@frozen public struct PageProperties: Hashable, Sendable {
  /// What may be done with the page.
  public var rights: PageRights
  /// U/S: code at CPL 3 may use the page.
  public var isUser: Bool
  /// G: the translation survives a load of CR3 when CR4.PGE is set.
  public var isGlobal: Bool
  /// A: the page has been used.
  public var isAccessed: Bool
  /// D: the page has been written.
  public var isDirty: Bool
  /// The memory type, selected through IA32_PAT.
  public var memoryType: MemoryType
  /// Bits 62:59, 0 to 15.
  public var protectionKey: UInt8
  /// Bits the processor ignores: bits 11:9 of the entry in bits 2:0, bits 58:52 in bits 9:3.
  public var softwareBits: UInt16

  /// Everything but the rights defaults to the plainest page.
  @inlinable
  public init(
    rights: PageRights, isUser: Bool = false, isGlobal: Bool = false, isAccessed: Bool = false,
    isDirty: Bool = false, memoryType: MemoryType = .writeBack, protectionKey: UInt8 = 0,
    softwareBits: UInt16 = 0
  ) {
    self.rights = rights
    self.isUser = isUser
    self.isGlobal = isGlobal
    self.isAccessed = isAccessed
    self.isDirty = isDirty
    self.memoryType = memoryType
    self.protectionKey = protectionKey
    self.softwareBits = softwareBits
  }
}
