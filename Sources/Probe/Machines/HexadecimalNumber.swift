// HexadecimalNumber: how addresses and table words are written in files, messages and reports.

/// A number written as address-space files write it: `0xffff_8000_0000_0000`.
public struct HexadecimalNumber: CustomStringConvertible, Hashable, Sendable {
  /// The number.
  public let value: UInt64

  /// Takes the number as it is.
  public init(_ value: UInt64) { self.value = value }

  /// Lower-case digits in groups of four from the right, without leading zeros.
  public var description: String {
    let digits = Array(String(value, radix: 16).utf8)
    var text = "0x"
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 4) { text.append("_") }
      text.unicodeScalars.append(Unicode.Scalar(digit))
    }
    return text
  }
}
