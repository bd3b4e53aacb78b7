// EntryCodec, OSTD: properties and the bits of leaves in the format of OSTD.

public import MMU

extension LeafBits {
  /// Encodes properties that ``validateOSTD(_:for:)`` accepts.
  ///
  /// Bit 7 of a 4 KiB leaf marks it as a leaf, as PS does in larger ones, so that both are one word.
  @inlinable
  init(ostd properties: PageProperties) {
    var bits = EntryBits.pageSize | PageAttributeTable.indexOSTD(of: properties.memoryType) &<< 3
    if properties.rights.contains(.read) { bits |= EntryBits.present }
    if properties.rights.contains(.write) { bits |= EntryBits.writable }
    if !properties.rights.contains(.execute) { bits |= EntryBits.noExecute }
    bits |= properties.word & EntryBits.flags
    bits |= UInt64(properties.protectionKey & 15) &<< 59
    bits |= EntryBits.software(properties.softwareBits)
    self.init(small: bits, large: bits)
  }

  /// Throws what no entry of the OSTD format can express on a processor with this configuration.
  @inlinable
  static func validateOSTD(
    _ properties: PageProperties, for paging: PagingConfiguration
  ) throws(PageTableError) {
    guard properties.protectionKey <= 15 else {
      throw .protectionKeyTooLarge(properties.protectionKey)
    }
    guard properties.softwareBits <= 0x3ff else {
      throw .softwareBitsTooWide(properties.softwareBits)
    }
    guard PageAttributeTable.hasOSTD(properties.memoryType) else {
      throw .memoryTypeUnsupported(properties.memoryType)
    }
    guard properties.protectionKey == 0 else {
      throw .protectionKeyUnsupported(properties.protectionKey)
    }
    let unknown = properties.softwareBits & ~PageProperties.softwareBitsOfOSTD
    guard unknown == 0 else { throw .softwareBitsUnsupported(unknown) }
    // Without P a processor does not look at XD.
    guard
      paging.isNoExecuteEnabled || !properties.rights.contains(.read)
        || properties.rights.contains(.execute)
    else { throw .noExecuteUnavailable }
  }
}

extension PageProperties {
  /// AVAIL1, bit 52, and AVAIL2, bit 53.
  @inlinable static var softwareBitsOfOSTD: UInt16 { 3 << 3 }

  /// True when memory type, key and software bits are such as the OSTD format has.
  @inlinable @inline(__always) var fitOSTD: Bool {
    PageAttributeTable.hasOSTD(memoryType) && protectionKey == 0
      && softwareBits & ~PageProperties.softwareBitsOfOSTD == 0
  }

  /// The properties that a leaf of the OSTD format expresses.
  ///
  /// Key and software bits that the format does not have are read as they are, and not accepted by
  /// ``LeafBits/validateOSTD(_:for:)``: a foreign leaf shows what it is.
  @inlinable
  init(ostdEntry entry: UInt64) {
    var rights: PageRights = []
    if entry & EntryBits.present != 0 { rights.insert(.read) }
    if entry & EntryBits.writable != 0 { rights.insert(.write) }
    if entry & EntryBits.noExecute == 0 { rights.insert(.execute) }
    self.init(
      rights: rights,
      isUser: entry & EntryBits.user != 0,
      isGlobal: entry & EntryBits.global != 0,
      isAccessed: entry & EntryBits.accessed != 0,
      isDirty: entry & EntryBits.dirty != 0,
      memoryType: PageAttributeTable.typeOSTD(at: (entry &>> 3) & 3),
      protectionKey: UInt8(truncatingIfNeeded: (entry &>> 59) & 15),
      softwareBits: EntryBits.softwareBits(of: entry))
  }
}
