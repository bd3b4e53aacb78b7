// LinearAddressWidth: how many bits of a linear address the paging mode translates.

/// The number of linear-address bits that paging translates: 48 with 4 levels, 57 with 5.
///
/// Source: Intel SDM volume 3A, section 5.5 (4-level and 5-level paging).
@frozen public enum LinearAddressWidth: UInt8, CaseIterable, Hashable, Sendable {
  /// 4-level paging.
  case bits48 = 48
  /// 5-level paging (CR4.LA57 = 1).
  case bits57 = 57

  /// Repeats bit `width - 1` of `rawValue` in all bits above it.
  @inlinable
  public func signExtended(_ rawValue: UInt64) -> UInt64 {
    let shift = UInt64(64 - self.rawValue)
    return UInt64(bitPattern: Int64(bitPattern: rawValue &<< shift) &>> Int64(shift))
  }

  /// True when bits 63 down to `width - 1` of `rawValue` are all equal.
  ///
  /// Source: Intel SDM volume 1, section 3.3.7.1.
  @inlinable
  public func isCanonical(_ rawValue: UInt64) -> Bool {
    signExtended(rawValue) == rawValue
  }
}
