// PageAttributeTable: which memory type each of the eight PAT indices means.

/// The values of IA32_PAT that the entries of this module are written for.
///
/// ``PageTableConfiguration/pageAttributeTable`` says which of them a kind of page table needs.
///
/// Source: Intel SDM volume 3A, section 13.12.2 (IA32_PAT MSR).
public enum PageAttributeTable {
  /// WB, WT, UC-, UC, WB, WP, WC, UC, from index 0 on.
  ///
  /// Indices 0 to 3 and 4, 7 are the power-on layout, so that a processor that was never told
  /// reads most entries right; index 5 gives WP and index 6 gives WC. An entry whose PAT bit is
  /// lost falls back from WP to WT and from WC to UC-.
  public static let standard: UInt64 = 0x0001_0506_0007_0406

  /// WB, WT, WC, UC, and the same again, from index 0 on: for ``EntryFormat/ostd``.
  ///
  /// The PAT bit, which is set in every 4 KiB leaf of that format, makes no difference.
  public static let ostd: UInt64 = 0x0001_0406_0001_0406

  /// WB, WT, UC-, UC, and the same again, from index 0 on: what a processor starts with.
  ///
  /// Source: Intel SDM volume 3A, table 13-12 (power-up and reset).
  public static let powerOn: UInt64 = 0x0007_0406_0007_0406

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

  /// PCD in bit 1 and PWT in bit 0 for a type in the OSTD format, which ``hasOSTD(_:)``.
  @inlinable
  static func indexOSTD(of type: MemoryType) -> UInt64 {
    switch type {
    case .writeBack: 0
    case .writeThrough: 1
    case .writeCombining: 2
    // The other two have no index; they are refused before.
    case .uncacheable, .uncachedMinus, .writeProtected: 3
    }
  }

  /// The type for PCD in bit 1 and PWT in bit 0 in the OSTD format.
  @inlinable
  static func typeOSTD(at index: UInt64) -> MemoryType {
    switch index & 3 {
    case 1: .writeThrough
    case 2: .writeCombining
    case 3: .uncacheable
    default: .writeBack
    }
  }

  /// True for the types of the OSTD format: neither UC- nor WP.
  @inlinable @inline(__always)
  static func hasOSTD(_ type: MemoryType) -> Bool {
    type != .uncachedMinus && type != .writeProtected
  }
}
