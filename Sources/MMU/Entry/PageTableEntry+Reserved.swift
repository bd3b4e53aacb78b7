// PageTableEntry+Reserved: the bits that must be zero in a present entry.

extension PageTableEntry {
  /// The reserved bits of an entry like this one: set ones make a present entry a fault.
  ///
  /// The mask depends on the entry itself where PS is set. The entry's P is not looked at.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4; AMD APM volume 2, section 5.3.3 (bit 8).
  @inlinable
  public func reservedMask(in configuration: PagingConfiguration) -> UInt64 {
    reservedMask(
      configuration.alwaysReservedBits, in: configuration, under: EveryRule())
  }

  /// The reserved bits that are set: 0 in an entry that the processor accepts.
  ///
  /// The entry's P is not looked at: in an entry that is not present nothing is reserved.
  @inlinable
  public func reservedBits(in configuration: PagingConfiguration) -> UInt64 {
    rawValue & reservedMask(in: configuration)
  }

  /// The reserved bits of an entry like this one, in a model that applies `rules`.
  ///
  /// `alwaysReserved` is the configuration's, so that a walk computes it once.
  @inlinable @inline(__always)
  func reservedMask<Rules: RuleSelection>(
    _ alwaysReserved: UInt64, in configuration: PagingConfiguration, under rules: Rules
  ) -> UInt64 {
    var mask = alwaysReserved
    if !rules.includes(.unimplementedAddress(at: level)) { mask &= Bit.noExecute }
    if !rules.includes(.noExecuteReserved(at: level)) { mask &= ~Bit.noExecute }
    switch level {
    case .pageTable:
      break
    case .pageDirectory:
      if rawValue & Bit.pageSize != 0 && rules.includes(.pageSize(.size2MiB)) {
        if rules.includes(.lowAddressReserved(in: .size2MiB)) { mask |= Bit.lowAddressOf2MiBPage }
        if !rules.includes(.patBit(in: .size2MiB)) { mask |= Bit.patOfLargePage }
      }
    case .pageDirectoryPointerTable:
      if !configuration.supports1GiBPages
        && rules.includes(.pageSizeReserved(at: .pageDirectoryPointerTable))
      {
        mask |= Bit.pageSize
      } else if rawValue & Bit.pageSize != 0 && rules.includes(.pageSize(.size1GiB)) {
        if rules.includes(.lowAddressReserved(in: .size1GiB)) { mask |= Bit.lowAddressOf1GiBPage }
        if !rules.includes(.patBit(in: .size1GiB)) { mask |= Bit.patOfLargePage }
      }
    case .pageMapLevel4:
      if rules.includes(.pageSizeReserved(at: .pageMapLevel4)) { mask |= Bit.pageSize }
      if configuration.vendor == .amd && rules.includes(.bit8Reserved(at: .pageMapLevel4)) {
        mask |= Bit.global
      }
    case .pageMapLevel5:
      if rules.includes(.pageSizeReserved(at: .pageMapLevel5)) { mask |= Bit.pageSize }
      if configuration.vendor == .amd && rules.includes(.bit8Reserved(at: .pageMapLevel5)) {
        mask |= Bit.global
      }
    }
    return mask
  }
}
