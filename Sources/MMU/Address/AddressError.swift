// AddressError: why a number is not an address.

/// The reason a number was refused as an address.
public enum AddressError: Error, Hashable, Sendable {
  /// Bits 63 down to `width - 1` are not all equal.
  case notCanonical(UInt64, width: LinearAddressWidth)
  /// The number needs more than 52 bits, the architectural limit of a physical address.
  case physicalAddressTooWide(UInt64)
  /// The number is not a multiple of `alignment`.
  case misaligned(UInt64, alignment: UInt64)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .notCanonical: "not-canonical"
    case .physicalAddressTooWide: "physical-address-too-wide"
    case .misaligned: "misaligned"
    }
  }
}
