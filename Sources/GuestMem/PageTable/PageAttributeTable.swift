// PageAttributeTable: which memory type each of the eight PAT indices means.

/// The value of IA32_PAT that the entries of this module are written for.
///
/// Source: Intel SDM volume 3A, section 13.12.2 (IA32_PAT MSR).
public enum PageAttributeTable {
  /// WB, WT, UC-, UC, WB, WP, WC, UC, from index 0 on.
  ///
  /// Indices 0 to 3 and 4, 7 are the power-on layout, so that a processor that was never told
  /// reads most entries right; index 5 gives WP and index 6 gives WC. An entry whose PAT bit is
  /// lost falls back from WP to WT and from WC to UC-.
  public static let standard: UInt64 = 0x0001_0506_0007_0406

  /// The PAT index of a type: PAT in bit 2, PCD in bit 1, PWT in bit 0.
  @inlinable
  static func index(of type: MemoryType) -> UInt64 {
    switch type {
    case .writeBack: 0
    case .writeThrough: 1
    case .uncachedMinus: 2
    case .uncacheable: 3
    case .writeProtected: 5
    case .writeCombining: 6
    }
  }

  /// The type at a PAT index; only the low three bits count.
  @inlinable
  static func type(at index: UInt64) -> MemoryType {
    switch index & 7 {
    case 1: .writeThrough
    case 2: .uncachedMinus
    case 3, 7: .uncacheable
    case 5: .writeProtected
    case 6: .writeCombining
    default: .writeBack
    }
  }
}
