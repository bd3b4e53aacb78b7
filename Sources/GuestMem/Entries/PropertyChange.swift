// PropertyChange: some properties of a page get new values, the others stay.

public import MMU

/// New values for some properties; nil leaves a property as it is.
///
/// A and D that hardware sets meanwhile stay set unless the change says otherwise.
public struct PropertyChange: Hashable, Sendable {
  /// What may be done with the page; the empty set keeps the page and takes every right.
  public var rights: PageRights?
  /// U/S.
  public var isUser: Bool?
  /// G.
  public var isGlobal: Bool?
  /// A.
  public var isAccessed: Bool?
  /// D.
  public var isDirty: Bool?
  /// The memory type.
  public var memoryType: MemoryType?
  /// Bits 62:59, 0 to 15.
  public var protectionKey: UInt8?
  /// The 10 bits for software, besides the one that tells owned pages, if any.
  public var softwareBits: UInt16?

  /// Changes what is given.
  public init(
    rights: PageRights? = nil, isUser: Bool? = nil, isGlobal: Bool? = nil,
    isAccessed: Bool? = nil, isDirty: Bool? = nil, memoryType: MemoryType? = nil,
    protectionKey: UInt8? = nil, softwareBits: UInt16? = nil
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

/// The bits that a leaf keeps and those it gains.
@frozen @usableFromInline package struct LeafEdit: Sendable {
  /// For 4 KiB leaves: bits that are cleared first.
  @usableFromInline let clearSmall: UInt64
  /// For 4 KiB leaves: bits that are set then.
  @usableFromInline let setSmall: UInt64
  /// For larger leaves: bits that are cleared first.
  @usableFromInline let clearLarge: UInt64
  /// For larger leaves: bits that are set then.
  @usableFromInline let setLarge: UInt64
  /// Pages become user pages, so that the entries above must be user entries.
  @usableFromInline package let makesUser: Bool

  /// The mask form of a change in the native format.
  ///
  /// - Throws: ``PageTableError`` for values that no entry can express.
  @usableFromInline
  init(
    _ change: PropertyChange, for paging: PagingConfiguration, ownership: LeafOwnership
  ) throws(PageTableError) {
    try self.init(change, for: paging, ownership: ownership, in: .native)
  }

  /// The mask form of a change in the OSTD format.
  ///
  /// - Throws: ``PageTableError`` for values that no entry can express.
  @usableFromInline
  init(
    ostd change: PropertyChange, for paging: PagingConfiguration, ownership: LeafOwnership
  ) throws(PageTableError) {
    try self.init(change, for: paging, ownership: ownership, in: .ostd)
  }

  @inline(__always)
  private init(
    _ change: PropertyChange, for paging: PagingConfiguration, ownership: LeafOwnership,
    in format: EntryFormat
  ) throws(PageTableError) {
    let values = PageProperties(
      rights: change.rights ?? [], isUser: change.isUser ?? false,
      isGlobal: change.isGlobal ?? false, isAccessed: change.isAccessed ?? false,
      isDirty: change.isDirty ?? false, memoryType: change.memoryType ?? .writeBack,
      protectionKey: change.protectionKey ?? 0, softwareBits: change.softwareBits ?? 0)
    try LeafBits.validate(values, for: paging, in: format)
    let reserved = values.softwareBits & ownership.softwareMask
    guard reserved == 0 else { throw .reservedSoftwareBits(reserved) }
    var mask: UInt64 = 0
    if change.rights != nil {
      mask |= EntryBits.present | EntryBits.writable | EntryBits.noExecute
    }
    if change.isUser != nil { mask |= EntryBits.user }
    if change.isGlobal != nil { mask |= EntryBits.global }
    if change.isAccessed != nil { mask |= EntryBits.accessed }
    if change.isDirty != nil { mask |= EntryBits.dirty }
    if change.memoryType != nil { mask |= EntryBits.cache }
    if change.protectionKey != nil { mask |= EntryBits.protectionKey }
    if change.softwareBits != nil { mask |= EntryBits.software & ~ownership.entryMask }
    let pat: UInt64 = change.memoryType == nil ? 0 : 1
    clearSmall = mask | pat &* EntryBits.smallPAT
    clearLarge = mask | pat &* EntryBits.largePAT
    let bits = LeafBits(values, in: format)
    setSmall = bits.small & clearSmall
    setLarge = bits.large & clearLarge
    makesUser = change.isUser == true
  }

  @inlinable
  package func applied(to entry: UInt64, level: UInt64) -> UInt64 {
    level == 1 ? entry & ~clearSmall | setSmall : entry & ~clearLarge | setLarge
  }
}
