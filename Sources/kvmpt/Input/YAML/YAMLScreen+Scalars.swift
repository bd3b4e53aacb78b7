// The extent of scalars, as the scanner of libyaml sees it.

extension YAMLScreen {
  /// Goes over a scalar, or over a character that cannot start one.
  mutating func passScalar(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "|") where !isInBrackets, UInt8(ascii: ">") where !isInBrackets:
      forgetKey()
      allowsKey = true
      passBlockScalar()
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      rememberKey()
      allowsKey = false
      passQuotedScalar(byte)
    case UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "%"), UInt8(ascii: "@"),
      UInt8(ascii: "`"), UInt8(ascii: "\t"):
      // libyaml ends here with an error.
      cursor.advance()
      return
    default:
      rememberKey()
      allowsKey = false
      passPlainScalar()
    }
    scalarCount += 1
  }

  private mutating func passQuotedScalar(_ quote: UInt8) {
    let backslash = UInt8(ascii: "\\")
    cursor.advance()
    while !cursor.isAtEnd {
      if cursor.byte == quote {
        cursor.advance()
        // Two single quotes are one in the text.
        if quote != UInt8(ascii: "'") || cursor.byte != quote { return }
        cursor.advance()
      } else if cursor.isAtLineEnd {
        cursor.advanceOverLineEnd()
      } else if quote == UInt8(ascii: "\"") && cursor.byte == backslash {
        cursor.advance()
        if cursor.isAtLineEnd { cursor.advanceOverLineEnd() } else { cursor.advance() }
      } else {
        cursor.advance()
      }
    }
  }

  /// A plain scalar goes on over lines that are indented deeper than the collection around it.
  private mutating func passPlainScalar() {
    var endsWithLineEnd = false
    while !cursor.isAtAnyDocumentMarker && cursor.byte != UInt8(ascii: "#") {
      while !cursor.isSpaceOrEnd(ahead: 0) && !isAtEndOfPlainText {
        endsWithLineEnd = false
        cursor.advance()
      }
      if cursor.isAtEnd || !cursor.isSpaceOrEnd(ahead: 0) { break }
      while cursor.isAtBlank || cursor.isAtLineEnd {
        if cursor.isAtBlank {
          cursor.advance()
        } else {
          endsWithLineEnd = true
          cursor.advanceOverLineEnd()
        }
      }
      if !isInBrackets && column <= indentation { break }
    }
    if endsWithLineEnd { allowsKey = true }
  }

  private var isAtEndOfPlainText: Bool {
    switch cursor.byte {
    case UInt8(ascii: ":"): cursor.isSpaceOrEnd(ahead: 1)
    case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
      UInt8(ascii: "}"):
      isInBrackets
    default: false
    }
  }

  private mutating func passBlockScalar() {
    cursor.advance()
    var increment = 0
    // The chomping indicator and the indentation come in either order.
    for _ in 0..<2 {
      let isChomping = cursor.byte == UInt8(ascii: "+") || cursor.byte == UInt8(ascii: "-")
      let isDigit = (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(cursor.byte)
      if isDigit && increment == 0 { increment = Int(cursor.byte - UInt8(ascii: "0")) }
      if isChomping || isDigit { cursor.advance() }
    }
    cursor.skipToEndOfLine()
    cursor.advanceOverLineEnd()
    var contentColumn = increment > 0 ? max(indentation, 0) + increment : 0
    skipBlockIndentation(&contentColumn)
    while column == contentColumn && !cursor.isAtEnd {
      cursor.skipToEndOfLine()
      cursor.advanceOverLineEnd()
      skipBlockIndentation(&contentColumn)
    }
  }

  /// Skips empty lines and the indentation of the next one, which says where content starts.
  private mutating func skipBlockIndentation(_ contentColumn: inout Int) {
    var deepest = 0
    while true {
      while (contentColumn == 0 || column < contentColumn) && cursor.byte == UInt8(ascii: " ") {
        cursor.advance()
      }
      deepest = max(deepest, column)
      if !cursor.isAtLineEnd { break }
      cursor.advanceOverLineEnd()
    }
    if contentColumn == 0 { contentColumn = max(deepest, indentation + 1, 1) }
  }
}
