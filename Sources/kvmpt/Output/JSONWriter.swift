// JSONWriter: JSON written as it comes, without a tree in memory.

/// Writes one JSON document, indented by two spaces, in the order of the calls.
///
/// Numbers that may need 64 bits are written as strings of hexadecimal digits, because JSON readers
/// keep 53. The writer closes nothing by itself: every `begin` needs its `end`.
///
/// Source: RFC 8259.
struct JSONWriter<Output: TextOutputStream> {
  private(set) var output: Output
  /// One element per open collection: whether it has a member already.
  private var hasMembers: [Bool] = []
  private var isAfterKey = false

  init(to output: Output) { self.output = output }

  mutating func beginObject() { begin("{") }
  mutating func endObject() { end("}") }
  mutating func beginArray() { begin("[") }
  mutating func endArray() { end("]") }

  /// The key of the next value of an object.
  mutating func key(_ name: String) {
    separate()
    output.write(Self.escaped(name))
    output.write(": ")
    isAfterKey = true
  }

  mutating func value(_ text: String) { scalar(Self.escaped(text)) }
  mutating func value(_ flag: Bool) { scalar(flag ? "true" : "false") }
  mutating func value(_ number: Int) { scalar(String(number)) }
  mutating func null() { scalar("null") }

  /// A number of up to 64 bits, as a string such as `"0xffff800000000000"`.
  mutating func hexadecimal(_ number: UInt64) {
    scalar("\"0x\(String(number, radix: 16))\"")
  }

  /// A duration in milliseconds with three decimals.
  mutating func milliseconds(_ duration: Duration) { scalar(duration.millisecondsText) }

  /// `key` and `value` in one call.
  mutating func member(_ name: String, _ text: String) {
    key(name)
    value(text)
  }

  /// `key` and `value` in one call.
  mutating func member(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  /// `key` and `value` in one call.
  mutating func member(_ name: String, _ number: Int) {
    key(name)
    value(number)
  }

  /// `key` and `hexadecimal` in one call.
  mutating func member(_ name: String, hexadecimal number: UInt64) {
    key(name)
    hexadecimal(number)
  }

  private mutating func scalar(_ text: String) {
    separate()
    output.write(text)
    if hasMembers.isEmpty { output.write("\n") }
  }

  private mutating func begin(_ bracket: String) {
    separate()
    output.write(bracket)
    hasMembers.append(false)
  }

  private mutating func end(_ bracket: String) {
    let hadMembers = hasMembers.popLast() ?? false
    if hadMembers { breakLine() }
    output.write(bracket)
    if hasMembers.isEmpty { output.write("\n") }
  }

  /// Writes what stands between the value before and the one that comes.
  private mutating func separate() {
    if isAfterKey {
      isAfterKey = false
      return
    }
    guard let hasMember = hasMembers.last else { return }
    if hasMember { output.write(",") }
    hasMembers[hasMembers.count - 1] = true
    breakLine()
  }

  private mutating func breakLine() {
    output.write("\n")
    output.write(String(repeating: "  ", count: hasMembers.count))
  }

  /// The text as a JSON string, with its quotes.
  static func escaped(_ text: String) -> String {
    var result = "\""
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      defer { previous = scalar }
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      // What is forbidden, ends lines in JavaScript, changes how its neighbours are shown, or is a
      // command to a CI system.
      case _ where !PlainText.isHarmless(scalar) || PlainText.isCommand(previous, scalar):
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension Duration {
  /// Milliseconds with three decimals, such as `12.345`.
  var millisecondsText: String {
    let (seconds, attoseconds) = components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    let fraction = String(microseconds.magnitude % 1000)
    return (microseconds < 0 ? "-" : "") + "\(microseconds.magnitude / 1000)."
      + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
