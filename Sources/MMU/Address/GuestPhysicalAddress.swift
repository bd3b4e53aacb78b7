// GuestPhysicalAddress: an address in the guest's physical memory, after translation.

/// A guest-physical address, at most 52 bits wide.
///
/// Source: Intel SDM volume 3A, section 5.1.4 (MAXPHYADDR is at most 52).
@frozen public struct GuestPhysicalAddress: Hashable, Comparable, Sendable {
  /// The address, at most `2^52 - 1`.
  public let rawValue: UInt64

  /// The address `rawValue`.
  ///
  /// - Throws: ``AddressError/physicalAddressTooWide(_:)`` when `rawValue` needs more than 52 bits.
  @inlinable
  public init(_ rawValue: UInt64) throws(AddressError) {
    guard rawValue >> 52 == 0 else { throw .physicalAddressTooWide(rawValue) }
    self.rawValue = rawValue
  }

  /// Keeps the low 52 bits of `rawValue`.
  @inlinable
  public init(truncating rawValue: UInt64) {
    self.rawValue = rawValue & 0x000f_ffff_ffff_ffff
  }

  /// Orders addresses as unsigned numbers.
  @inlinable
  public static func < (left: GuestPhysicalAddress, right: GuestPhysicalAddress) -> Bool {
    left.rawValue < right.rawValue
  }
}
