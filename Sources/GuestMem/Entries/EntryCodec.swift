// EntryCodec: between properties and the bits of an entry.

public import MMU

/// The bits of paging-structure entries.
///
/// Source: Intel SDM volume 3A, section 5.5.4, tables 5-15 to 5-20.
@usableFromInline package enum EntryBits {
  /// P: the processor uses the entry.
  @inlinable package static var present: UInt64 { 1 }
  /// R/W.
  @inlinable package static var writable: UInt64 { 1 << 1 }
  /// U/S.
  @inlinable package static var user: UInt64 { 1 << 2 }
  /// A.
  @inlinable package static var accessed: UInt64 { 1 << 5 }
  /// D.
  @inlinable package static var dirty: UInt64 { 1 << 6 }
  /// PS: a leaf, at levels 2 and 3.
  @inlinable package static var pageSize: UInt64 { 1 << 7 }
  /// PAT of a 4 KiB leaf.
  @inlinable package static var smallPAT: UInt64 { 1 << 7 }
  /// G.
  @inlinable package static var global: UInt64 { 1 << 8 }
  /// PAT of a 2 MiB or 1 GiB leaf.
  @inlinable package static var largePAT: UInt64 { 1 << 12 }
  /// XD.
  @inlinable package static var noExecute: UInt64 { 1 << 63 }
  /// A leaf without rights, when P = 0.
  ///
  /// The processor ignores the bit then, and such a leaf is never writable, so R/W is free to tell
  /// it from an absent entry.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4 (bits 63:1 are ignored when P is 0).
  @inlinable package static var rightless: UInt64 { 1 << 1 }
  /// U/S, A, D and G, which properties hold as an entry does.
  @inlinable package static var flags: UInt64 { user | accessed | dirty | global }
  /// PWT and PCD.
  @inlinable package static var cache: UInt64 { 3 << 3 }
  /// Bits 11:9 and 58:52.
  @inlinable package static var software: UInt64 { 7 << 9 | 0x7f << 52 }
  /// The bits for software, 0 to 9, where an entry has them.
  @inlinable @inline(__always)
  package static func software(_ bits: UInt16) -> UInt64 {
    let wide = UInt64(bits)
    return (wide & 7) &<< 9 | ((wide &>> 3) & 0x7f) &<< 52
  }
  /// The bits for software that an entry has.
  @inlinable @inline(__always)
  package static func softwareBits(of entry: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: (entry &>> 9) & 7 | ((entry &>> 52) & 0x7f) &<< 3)
  }
  /// Bits 62:59.
  @inlinable package static var protectionKey: UInt64 { 15 << 59 }
  /// Every address bit that any processor has.
  @inlinable package static var address: UInt64 { 0x000f_ffff_ffff_f000 }
}

/// The properties of a leaf as bits: one word for 4 KiB leaves, one for larger ones.
@frozen public struct LeafBits: Hashable, Sendable {
  /// The bits of a level-1 leaf besides its address.
  public let small: UInt64
  /// The bits of a level-2 or level-3 leaf besides its address, PS among them.
  public let large: UInt64

  @inlinable
  init(common: UInt64, hasPAT: UInt64) {
    small = common | hasPAT &* EntryBits.smallPAT
    large = common | hasPAT &* EntryBits.largePAT | EntryBits.pageSize
  }

  /// The same with more bits set.
  @inlinable
  func adding(_ bits: UInt64) -> LeafBits { LeafBits(small: small | bits, large: large | bits) }

  @inlinable
  init(small: UInt64, large: UInt64) {
    self.small = small
    self.large = large
  }

  /// No bits, for what is no leaf.
  @inlinable package static var none: LeafBits { LeafBits(small: 0, large: 0) }

  /// The bits for a leaf at `level`.
  @inlinable package func bits(_ level: UInt64) -> UInt64 { level == 1 ? small : large }
}

extension LeafBits {
  /// Encodes properties that ``validate(_:for:in:)`` accepts.
  @inlinable @inline(__always)
  init(_ properties: PageProperties, in format: EntryFormat) {
    switch format {
    case .native: self.init(native: properties)
    case .ostd: self.init(ostd: properties)
    }
  }

  @inlinable
  init(native properties: PageProperties) {
    let index = PageAttributeTable.index(of: properties.memoryType)
    var common = (index & 3) &<< 3
    if properties.rights.contains(.read) {
      common |= EntryBits.present
      if properties.rights.contains(.write) { common |= EntryBits.writable }
    } else {
      common |= EntryBits.rightless
    }
    if !properties.rights.contains(.execute) { common |= EntryBits.noExecute }
    common |= properties.word & EntryBits.flags
    common |= UInt64(properties.protectionKey & 15) &<< 59
    common |= EntryBits.software(properties.softwareBits)
    self.init(common: common, hasPAT: index &>> 2)
  }

  /// Throws what no entry of the format can express on a processor with this configuration.
  @inlinable @inline(__always)
  static func validate(
    _ properties: PageProperties, for paging: PagingConfiguration, in format: EntryFormat
  ) throws(PageTableError) {
    switch format {
    case .native: try validateNative(properties, for: paging)
    case .ostd: try validateOSTD(properties, for: paging)
    }
  }

  /// A page without rights needs no XD bit, so it can be written without EFER.NXE too.
  @inlinable
  static func validateNative(
    _ properties: PageProperties, for paging: PagingConfiguration
  ) throws(PageTableError) {
    guard properties.protectionKey <= 15 else {
      throw .protectionKeyTooLarge(properties.protectionKey)
    }
    guard properties.softwareBits <= 0x3ff else {
      throw .softwareBitsTooWide(properties.softwareBits)
    }
    guard properties.rights.contains(.read) || properties.rights.isEmpty else {
      throw .unreadable(properties.rights)
    }
    guard
      paging.isNoExecuteEnabled || properties.rights.isEmpty
        || properties.rights.contains(.execute)
    else { throw .noExecuteUnavailable }
  }
}

extension PageProperties {
  /// The properties that a leaf `entry` at `level` expresses in a format.
  @inlinable @inline(__always)
  public init(leafEntry entry: UInt64, level: Level, in format: EntryFormat = .native) {
    switch format {
    case .native: self.init(nativeEntry: entry, level: level)
    case .ostd: self.init(ostdEntry: entry)
    }
  }

  @inlinable
  init(nativeEntry entry: UInt64, level: Level) {
    let pat = level == .pageTable ? entry &>> 7 : entry &>> 12
    var rights: PageRights = []
    if entry & EntryBits.present != 0 {
      rights = .read
      if entry & EntryBits.writable != 0 { rights.insert(.write) }
      if entry & EntryBits.noExecute == 0 { rights.insert(.execute) }
    }
    self.init(
      rights: rights,
      isUser: entry & EntryBits.user != 0,
      isGlobal: entry & EntryBits.global != 0,
      isAccessed: entry & EntryBits.accessed != 0,
      isDirty: entry & EntryBits.dirty != 0,
      memoryType: PageAttributeTable.type(at: (pat & 1) &<< 2 | (entry &>> 3) & 3),
      protectionKey: UInt8(truncatingIfNeeded: (entry &>> 59) & 15),
      softwareBits: EntryBits.softwareBits(of: entry))
  }
}
