// LineBuffer: lines of ASCII built without strings, for reports of many lines.

/// Bytes of a line that is being written.
struct LineBuffer {
  private(set) var bytes: [UInt8] = []

  private static let digits = Array("0123456789abcdef".utf8)

  mutating func append(_ text: StaticString) {
    // SAFETY: the buffer is that of a literal, which outlives the call.
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func append(text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func append(byte: UInt8) { bytes.append(byte) }

  /// `0x` and at least `width` digits.
  mutating func append(hexadecimal number: UInt64, width: Int = 1) {
    append("0x")
    append(digits: number, width: width)
  }

  /// At least `width` hexadecimal digits.
  mutating func append(digits number: UInt64, width: Int) {
    let needed = max(width, (64 - number.leadingZeroBitCount + 3) / 4)
    var place = needed - 1
    while place >= 0 {
      bytes.append(Self.digits[Int(truncatingIfNeeded: number >> UInt64(place * 4) & 15)])
      place -= 1
    }
  }

  /// Decimal digits, filled up with spaces on the left to `width`.
  mutating func append(decimal number: UInt64, width: Int = 1) {
    var reversed = InlineArray<20, UInt8>(repeating: 0x20)
    var count = 0
    var rest = number
    repeat {
      reversed[count] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
      count += 1
    } while rest > 0
    for _ in 0..<max(0, width - count) { bytes.append(0x20) }
    while count > 0 {
      count -= 1
      bytes.append(reversed[count])
    }
  }

  /// Spaces until the line, which started at `start`, is `column` long.
  mutating func pad(from start: Int, to column: Int) {
    while bytes.count < start + column { bytes.append(0x20) }
  }

  /// Hands the bytes on when there are many of them.
  mutating func drain(to destination: ReportDestination, atLeast count: Int = 1 << 15) {
    guard bytes.count >= count else { return }
    destination.write(bytes: bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}
