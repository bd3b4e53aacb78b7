// LinearAddress: an address as a program uses it, before translation.

/// A canonical linear address: bits 63 down to the paging mode's width repeat its top bit.
///
/// Source: Intel SDM volume 1, section 3.3.7.1.
@frozen public struct LinearAddress: Hashable, Comparable, Sendable {
  /// The 64 bits of the address.
  public let rawValue: UInt64

  /// The address `rawValue`, which must be canonical for `width`.
  ///
  /// - Throws: ``AddressError/notCanonical(_:width:)`` when it is not.
  @inlinable
  public init(_ rawValue: UInt64, width: LinearAddressWidth) throws(AddressError) {
    guard width.isCanonical(rawValue) else { throw .notCanonical(rawValue, width: width) }
    self.rawValue = rawValue
  }

  /// Keeps the low `width` bits of `rawValue` and repeats their top bit above.
  @inlinable
  public init(truncating rawValue: UInt64, width: LinearAddressWidth) {
    self.rawValue = width.signExtended(rawValue)
  }

  /// Orders addresses as unsigned numbers.
  @inlinable
  public static func < (left: LinearAddress, right: LinearAddress) -> Bool {
    left.rawValue < right.rawValue
  }
}
