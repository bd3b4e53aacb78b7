// NumberText: numbers as people write addresses and sizes.

import Probe

/// Reads `0xffff_8000_0000_0000`, `4_096` and, where a size is meant, `2MiB`.
enum NumberText {
  /// Why a text is not a number.
  enum Problem: Error, Hashable {
    /// A decimal number with a 0 before it, which may be meant as another one.
    case padded
    /// Something else than digits.
    case notANumber
    /// Below zero.
    case negative
    /// The number needs more than 64 bits.
    case tooLarge
    /// A unit that is not one of KiB, MiB, GiB and TiB; the right one where it is known.
    case unknownUnit(String, meant: String?)
    /// A unit where only a plain number makes sense.
    case unexpectedUnit(String)
    /// An underscore that does not stand between two digits.
    case misplacedUnderscore
  }

  /// The number that `text` writes; a unit is accepted where `allowsUnit` says so.
  static func parse(_ text: String, allowsUnit: Bool) throws(Problem) -> UInt64 {
    let bytes = Array(text.utf8)
    if bytes.first == UInt8(ascii: "-") { throw .negative }
    let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
    let radix: UInt64 = isHexadecimal ? 16 : 10
    var index = isHexadecimal ? 2 : 0
    var value: UInt64 = 0
    var digitCount = 0
    var isTooLarge = false
    var previousIsUnderscore = false
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "_") {
        if digitCount == 0 || previousIsUnderscore { throw .misplacedUnderscore }
        previousIsUnderscore = true
      } else if let digit = digit(bytes[index], radix: radix) {
        let (product, overflow) = value.multipliedReportingOverflow(by: radix)
        let (sum, carry) = product.addingReportingOverflow(digit)
        isTooLarge = isTooLarge || overflow || carry
        value = sum
        digitCount += 1
        previousIsUnderscore = false
      } else {
        break
      }
      index += 1
    }
    if digitCount == 0 { throw .notANumber }
    if previousIsUnderscore { throw .misplacedUnderscore }
    if index < bytes.count {
      while index < bytes.count && bytes[index] == UInt8(ascii: " ") { index += 1 }
      let suffix = String(decoding: bytes[index...], as: UTF8.self)
      let unit = try unit(suffix, allowsUnit: allowsUnit)
      let (product, overflow) = value.multipliedReportingOverflow(by: unit)
      isTooLarge = isTooLarge || overflow
      value = product
    }
    if isTooLarge { throw .tooLarge }
    if !isHexadecimal, digitCount > 1, bytes[0] == UInt8(ascii: "0") { throw .padded }
    return value
  }

  private static func unit(_ suffix: String, allowsUnit: Bool) throws(Problem) -> UInt64 {
    guard let letter = suffix.utf8.first, digit(letter | 0x20, radix: 36) != nil else {
      throw .notANumber
    }
    guard allowsUnit else { throw .unexpectedUnit(suffix) }
    for unit in ByteCount.units where unit.suffix == suffix { return unit.byteCount }
    let meant = ByteCount.units.first { $0.suffix.utf8.first == letter & 0xdf }?.suffix
    throw .unknownUnit(suffix, meant: meant)
  }

  private static func digit(_ byte: UInt8, radix: UInt64) -> UInt64? {
    let value: UInt8
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A") + 10
    default: return nil
    }
    return UInt64(value) < radix ? UInt64(value) : nil
  }
}

extension NumberText.Problem {
  /// What is wrong with `text`.
  func message(for text: String) -> String {
    switch self {
    case .padded: "\(quoted(text)) may be a decimal or a hexadecimal number"
    case .notANumber: "\(quoted(text)) is not a number"
    case .negative: "\(quoted(text)) is negative"
    case .tooLarge: "\(quoted(text)) needs more than 64 bits"
    case .unknownUnit(let unit, _): "\(quoted(unit)) is not a unit"
    case .unexpectedUnit(let unit): "\(quoted(unit)) follows a number that has no unit"
    case .misplacedUnderscore: "the underscores of \(quoted(text)) do not all separate digits"
    }
  }

  /// What would be right.
  var hint: String {
    switch self {
    case .padded: "write 0x before a hexadecimal number, and no 0 before a decimal one"
    case .notANumber: "write a number such as 0x20_0000 or 4096; sizes may end in KiB, MiB or GiB"
    case .negative: "addresses are unsigned: write the upper half as 0xffff_8000_0000_0000"
    case .tooLarge: "the largest number is 0xffff_ffff_ffff_ffff"
    case .unknownUnit(_, let meant?): "write \(meant)"
    case .unknownUnit(_, nil): "units are KiB, MiB, GiB and TiB"
    case .unexpectedUnit: "write the number alone"
    case .misplacedUnderscore: "write 0xffff_8000 or 4_096"
    }
  }
}

/// The text in quotes, shortened and without control characters, for a message.
func quoted(_ text: String) -> String {
  let shown = PlainText.oneLine(String(String.UnicodeScalarView(text.unicodeScalars.prefix(60))))
  return "'\(shown)\(text.unicodeScalars.count > 60 ? "…" : "")'"
}
