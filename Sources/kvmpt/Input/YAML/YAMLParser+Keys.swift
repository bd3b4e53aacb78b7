// Keys of block mappings, which must be told from values before they are read.
//
// Source: YAML 1.2.2, section 8.2.2 (block mappings).

extension YAMLParser {
  /// True when a plain or quoted scalar and a colon with a space behind it follow on this line.
  var isAtKey: Bool {
    let first = cursor.byte
    var offset = 0
    if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
      guard let end = endOfQuotedKey(quote: first) else { return false }
      offset = end
      while cursor.byte(ahead: offset) == UInt8(ascii: " ") { offset += 1 }
      return cursor.byte(ahead: offset) == UInt8(ascii: ":")
        && cursor.isSpaceOrEnd(ahead: offset + 1)
    }
    if cursor.isAtFlowStart || Self.opensSpecialNode(first) { return false }
    while true {
      let byte = cursor.byte(ahead: offset)
      switch byte {
      case 0, UInt8(ascii: "\n"), UInt8(ascii: "\r"): return false
      case UInt8(ascii: ":"):
        if cursor.isSpaceOrEnd(ahead: offset + 1) { return true }
      case UInt8(ascii: "#"):
        if offset > 0 && YAMLCursor.isSpace(cursor.byte(ahead: offset - 1)) { return false }
      default: break
      }
      offset += 1
    }
  }

  /// The number of bytes of a quoted scalar that ends on this line.
  private func endOfQuotedKey(quote: UInt8) -> Int? {
    var offset = 1
    while true {
      let byte = cursor.byte(ahead: offset)
      switch byte {
      case 0, UInt8(ascii: "\n"), UInt8(ascii: "\r"): return nil
      case UInt8(ascii: "\\") where quote == UInt8(ascii: "\""): offset += 1
      case quote:
        // Two single quotes stand for one.
        guard quote == UInt8(ascii: "'") && cursor.byte(ahead: offset + 1) == quote else {
          return offset + 1
        }
        offset += 1
      default: break
      }
      offset += 1
    }
  }

  /// Reads the key and its colon.
  mutating func key() throws(InputProblem) -> String {
    let text: String
    if cursor.byte == UInt8(ascii: "\"") || cursor.byte == UInt8(ascii: "'") {
      text = try quotedScalar()
      cursor.skipBlanks()
    } else {
      try checkPlainStart(isInFlow: false)
      let start = cursor.index
      while !cursor.isAtIndicator(UInt8(ascii: ":")) && !cursor.isAtLineEnd && !cursor.isAtEnd {
        cursor.advance()
      }
      text = cursor.text(from: start, to: cursor.index)
    }
    cursor.advance()
    return text
  }

  /// Anchors, aliases, tags and block scalars.
  static func opensSpecialNode(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "&"), UInt8(ascii: "*"), UInt8(ascii: "!"), UInt8(ascii: "|"),
      UInt8(ascii: ">"):
      true
    default: false
    }
  }
}
