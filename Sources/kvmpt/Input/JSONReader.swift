// JSONReader: reads the JSON that this program wrote before.

/// A JSON value; numbers are integers, because reports hold no others that are read again.
enum JSONTree {
  case null
  case flag(Bool)
  case number(Int)
  /// A number with a fraction, as it is written.
  case fraction(Double)
  case text(String)
  case array([JSONTree])
  case object([String: JSONTree])

  subscript(key: String) -> JSONTree? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var number: Int? { if case .number(let number) = self { number } else { nil } }
  var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
  var elements: [JSONTree]? { if case .array(let elements) = self { elements } else { nil } }
  var members: [String: JSONTree]? { if case .object(let members) = self { members } else { nil } }
  /// A hexadecimal number in a string.
  var hexadecimal: UInt64? {
    guard let text, text.hasPrefix("0x") else { return nil }
    return UInt64(text.dropFirst(2), radix: 16)
  }
  /// Milliseconds as a duration; at most a year, so that sums do not overflow.
  var duration: Duration? {
    let milliseconds: Double
    switch self {
    case .number(let number): milliseconds = Double(number)
    case .fraction(let number): milliseconds = number
    default: return nil
    }
    guard milliseconds >= 0, milliseconds < 4e10 else { return nil }
    return .microseconds(Int64(milliseconds * 1000))
  }
}

/// What is wrong with a text that should be JSON.
struct JSONSyntaxError: Error {
  /// The offset of the byte, from 0.
  let offset: Int
  let message: String
}

/// Reads one JSON document.
///
/// Source: RFC 8259.
struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private static let depthLimit = 64

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The document.
  mutating func read() throws(JSONSyntaxError) -> JSONTree {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("something follows the value") }
    return value
  }

  private func error(_ message: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: position, message: message)
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, [0x20, 0x0a, 0x0d, 0x09].contains(byte) { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard current == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONTree {
    guard depth < Self.depthLimit else { throw error("too deep") }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .text(try string())
    case UInt8(ascii: "t") where takeWord("true"): return .flag(true)
    case UInt8(ascii: "f") where takeWord("false"): return .flag(false)
    case UInt8(ascii: "n") where takeWord("null"): return .null
    case nil: throw error("the text ends too early")
    default: return try number()
    }
  }

  private mutating func object(_ depth: Int) throws(JSONSyntaxError) -> JSONTree {
    position += 1
    var members: [String: JSONTree] = [:]
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw error("a key was expected") }
      let key = try string()
      guard take(":") else { throw error("':' was expected") }
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw error("a key comes twice")
      }
    } while take(",")
    guard take("}") else { throw error("'}' was expected") }
    return .object(members)
  }

  private mutating func array(_ depth: Int) throws(JSONSyntaxError) -> JSONTree {
    position += 1
    var elements: [JSONTree] = []
    if take("]") { return .array(elements) }
    repeat { elements.append(try value(depth: depth + 1)) } while take(",")
    guard take("]") else { throw error("']' was expected") }
    return .array(elements)
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONTree {
    let start = position
    while let byte = current, "+-.0123456789eE".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let number = Int(text) { return .number(number) }
    if let number = Double(text) { return .fraction(number) }
    position = start
    throw error("a value was expected")
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += Array(String(try escaped()).utf8)
      case 0..<0x20: throw error("a control character stands in a string")
      default: text.append(byte)
      }
    }
    throw error("a string does not end")
  }

  private mutating func escaped() throws(JSONSyntaxError) -> Unicode.Scalar {
    guard let byte = current else { throw error("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "u"):
      let digits = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
      guard digits.utf8.count == 4, let number = UInt32(digits, radix: 16) else {
        throw error("four hexadecimal digits were expected")
      }
      position += 4
      // This program writes no surrogates.
      return Unicode.Scalar(number) ?? "\u{fffd}"
    default: throw error("an unknown escape stands in a string")
    }
  }
}
