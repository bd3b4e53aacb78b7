// PastedNumber: numbers on the command line, as they stand in the logs of kernels.

import ArgumentParser

/// Reads addresses and register values that people paste from a kernel's log or a debugger.
///
/// Such numbers are hexadecimal and often have no `0x`: `ffffffff81000000`, `0000000000003000`. A
/// number that can be read both ways is refused with both readings: a wrong guess would be a wrong
/// answer about another address.
enum PastedNumber {
  /// An address, or the value of a register; a size with a unit counts as one.
  static func address(_ text: String) throws(ValidationError) -> NumberArgument {
    try number(text, isPaddedHexadecimal: false)
  }

  /// The error code of a page fault, which Linux prints in hexadecimal with four digits at least.
  static func errorCode(_ text: String) throws(ValidationError) -> NumberArgument {
    try number(text, isPaddedHexadecimal: true)
  }

  private static func number(
    _ text: String, isPaddedHexadecimal: Bool
  ) throws(ValidationError) -> NumberArgument {
    // An `h` at the end, as assemblers have it.
    if text.hasSuffix("h") || text.hasSuffix("H"), let value = hexadecimal(text.dropLast()) {
      return NumberArgument(value: value)
    }
    guard isHexadecimal(text) else { return try plain(text) }
    let digits = text.filter { $0 != "_" }
    let value = hexadecimal(text)
    let isCertain =
      digits.contains(where: \.isLetter) || digits.utf8.count == 16
      || isPaddedHexadecimal && digits.hasPrefix("0")
    if isCertain {
      // What has more than 64 bits, or misplaced underscores, is refused as that.
      guard let value else { return try plain("0x" + text) }
      return NumberArgument(value: value)
    }
    let decimal = UInt64(digits)
    guard let value, decimal != value else { return try plain("0x" + text) }
    let other = decimal.map { "0x\(String($0, radix: 16)), or " } ?? ""
    throw ValidationError(
      "\(quoted(text)) can be decimal or hexadecimal: write \(other)0x\(digits)")
  }

  /// True for hexadecimal digits and underscores alone.
  private static func isHexadecimal(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
          UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  private static func hexadecimal(_ text: some StringProtocol) -> UInt64? {
    guard isHexadecimal(String(text)) else { return nil }
    return try? NumberText.parse("0x\(text)", allowsUnit: false)
  }

  /// A number by the rules of address-space files.
  private static func plain(_ text: String) throws(ValidationError) -> NumberArgument {
    do throws(NumberText.Problem) {
      return NumberArgument(value: try NumberText.parse(text, allowsUnit: true))
    } catch {
      throw ValidationError("\(error.message(for: text)); \(error.hint)")
    }
  }
}
