// Scalars in single and double quotes.
//
// Source: YAML 1.2.2, sections 5.7 (escaped characters), 7.3.1 and 7.3.2; RFC 8259 section 7.

extension YAMLParser {
  /// The text of the quoted scalar that starts here; ends behind the closing quote.
  mutating func quotedScalar() throws(InputProblem) -> String {
    let start = cursor.position
    let quote = cursor.byte
    let isDouble = quote == UInt8(ascii: "\"")
    var text: [UInt8] = []
    cursor.advance()
    while true {
      if cursor.isAtEnd || cursor.isAtAnyDocumentMarker {
        throw InputProblem(
          "unclosed-quote", at: start, "this quote is never closed",
          hint: "add \(isDouble ? "a double" : "a single") quote at the end of the value")
      }
      if cursor.isAtLineEnd {
        foldLine(into: &text)
      } else if cursor.byte == quote {
        cursor.advance()
        guard !isDouble && cursor.byte == quote else { break }
        text.append(quote)
        cursor.advance()
      } else if isDouble && cursor.byte == UInt8(ascii: "\\") {
        try escape(into: &text)
      } else {
        text.append(cursor.byte)
        cursor.advance()
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A line end inside quotes is a space; further empty lines are line ends.
  private mutating func foldLine(into text: inout [UInt8]) {
    while let last = text.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") {
      text.removeLast()
    }
    var lineCount = 0
    while cursor.isAtLineEnd {
      cursor.advanceOverLineEnd()
      lineCount += 1
      if cursor.isAtAnyDocumentMarker { break }
      cursor.skipBlanks()
    }
    if lineCount == 1 {
      text.append(UInt8(ascii: " "))
    } else {
      text.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: lineCount - 1))
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(InputProblem) {
    let start = cursor.position
    cursor.advance()
    if cursor.isAtLineEnd {
      // An escaped line end joins the lines without a space.
      cursor.advanceOverLineEnd()
      cursor.skipBlanks()
      return
    }
    let scalar: Unicode.Scalar?
    switch cursor.byte {
    case UInt8(ascii: "x"): scalar = codePoint(digitCount: 2)
    case UInt8(ascii: "u"): scalar = surrogatePair() ?? codePoint(digitCount: 4)
    case UInt8(ascii: "U"): scalar = codePoint(digitCount: 8)
    default:
      scalar = Self.escapes[cursor.byte]
      if scalar != nil { cursor.advance() }
    }
    guard let scalar else {
      throw InputProblem(
        "bad-escape", at: start, "this escape is not known",
        hint: "write two backslashes for one, or use single quotes")
    }
    text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private static let escapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "0"): "\0", UInt8(ascii: "a"): "\u{7}", UInt8(ascii: "b"): "\u{8}",
    UInt8(ascii: "t"): "\t", UInt8(ascii: "\t"): "\t", UInt8(ascii: "n"): "\n",
    UInt8(ascii: "v"): "\u{b}", UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "r"): "\r",
    UInt8(ascii: "e"): "\u{1b}", UInt8(ascii: " "): " ", UInt8(ascii: "\""): "\"",
    UInt8(ascii: "/"): "/", UInt8(ascii: "\\"): "\\", UInt8(ascii: "N"): "\u{85}",
    UInt8(ascii: "_"): "\u{a0}", UInt8(ascii: "L"): "\u{2028}", UInt8(ascii: "P"): "\u{2029}",
  ]

  private mutating func codePoint(digitCount: Int) -> Unicode.Scalar? {
    guard let value = hexadecimal(ahead: 1, digitCount: digitCount),
      let scalar = Unicode.Scalar(value)
    else { return nil }
    cursor.advance(by: 1 + digitCount)
    return scalar
  }

  /// JSON writes scalars above U+FFFF as two `\u` escapes.
  private mutating func surrogatePair() -> Unicode.Scalar? {
    guard let high = hexadecimal(ahead: 1, digitCount: 4), (0xd800...0xdbff).contains(high),
      cursor.byte(ahead: 5) == UInt8(ascii: "\\"), cursor.byte(ahead: 6) == UInt8(ascii: "u"),
      let low = hexadecimal(ahead: 7, digitCount: 4), (0xdc00...0xdfff).contains(low)
    else { return nil }
    cursor.advance(by: 11)
    return Unicode.Scalar(0x1_0000 + (high - 0xd800) << 10 + (low - 0xdc00))
  }

  private func hexadecimal(ahead offset: Int, digitCount: Int) -> UInt32? {
    var value: UInt32 = 0
    for position in offset..<offset + digitCount {
      guard let digit = Character(Unicode.Scalar(cursor.byte(ahead: position))).hexDigitValue else {
        return nil
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
