// Scalars that stand on the line of their key, and plain scalars over several lines.
//
// Source: YAML 1.2.2, sections 7.3.3 (plain style) and 8.1 (block scalars).

extension YAMLParser {
  /// A scalar or a flow collection that starts on this line.
  mutating func inlineNode(parentIndentation: Int) throws(InputProblem) -> YAMLNode {
    let start = cursor.position
    let content: YAMLNode.Content
    switch cursor.byte {
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      let node = try flowNode()
      cursor.skipBlanks()
      if cursor.isAtIndicator(UInt8(ascii: ":")) { throw complexKeyProblem() }
      try expectEndOfLine()
      return node
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      content = .scalar(try quotedScalar(), .quoted)
      try expectEndOfLine()
    case UInt8(ascii: "|"), UInt8(ascii: ">"):
      content = .scalar(try blockScalar(parentIndentation: parentIndentation), .quoted)
    default:
      content = .scalar(try blockPlainScalar(parentIndentation: parentIndentation), .plain)
      try expectEndOfLine()
    }
    return YAMLNode(position: start, content: content)
  }

  /// Refuses what cannot start a plain scalar, by name.
  func checkPlainStart(isInFlow: Bool) throws(InputProblem) {
    let position = cursor.position
    switch cursor.byte {
    case UInt8(ascii: "&"), UInt8(ascii: "*"):
      throw InputProblem(
        "yaml-alias", at: position, "anchors and aliases are not read",
        hint: "write the value out where it is used; put text that starts with '&' or '*' in quotes"
      )
    case UInt8(ascii: "!"):
      throw InputProblem(
        "yaml-tag", at: position, "tags are not read",
        hint: "remove the tag; put text that starts with '!' in quotes")
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "%"),
      UInt8(ascii: "@"), UInt8(ascii: "`"), UInt8(ascii: "#"), UInt8(ascii: "|"),
      UInt8(ascii: ">"):
      let character = Character(Unicode.Scalar(cursor.byte))
      throw InputProblem(
        "unexpected-character", at: position, "a value cannot start with '\(character)'",
        hint: "put the value in quotes")
    case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
      let isIndicator =
        cursor.isSpaceOrEnd(ahead: 1)
        || (isInFlow && Self.isFlowIndicator(cursor.byte(ahead: 1)))
      if isIndicator {
        let character = Character(Unicode.Scalar(cursor.byte))
        throw InputProblem(
          "unexpected-character", at: position, "'\(character)' cannot stand here",
          hint: "put text that is only '\(character)' in quotes")
      }
    default: break
    }
  }

  /// A plain scalar in block style; lines that are indented more than its parent continue it.
  private mutating func blockPlainScalar(parentIndentation: Int) throws(InputProblem) -> String {
    try checkPlainStart(isInFlow: false)
    var text = try plainLine()
    while cursor.isAtLineEnd {
      var ahead = cursor
      var lineCount = 0
      while ahead.isAtLineEnd {
        ahead.advanceOverLineEnd()
        lineCount += 1
        while ahead.byte == UInt8(ascii: " ") { ahead.advance() }
        if ahead.byte == UInt8(ascii: "\t") && ahead.indentation > parentIndentation {
          ahead.skipBlanks()
        }
      }
      if ahead.isAtEnd || ahead.indentation <= parentIndentation || ahead.isAtComment
        || ahead.isAtAnyDocumentMarker
      {
        break
      }
      cursor = ahead
      text += lineCount == 1 ? " " : String(repeating: "\n", count: lineCount - 1)
      text += try plainLine()
    }
    return text
  }

  /// The rest of a line up to a comment.
  private mutating func plainLine() throws(InputProblem) -> String {
    let start = cursor.index
    while !cursor.isAtEnd && !cursor.isAtLineEnd && !cursor.isAtComment {
      if cursor.isAtIndicator(UInt8(ascii: ":")) { throw nestedMappingProblem() }
      cursor.advance()
    }
    return cursor.text(from: start, to: cursor.index)
  }

  static func isFlowIndicator(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
      UInt8(ascii: "}"):
      true
    default: false
    }
  }
}
