// Flow style: nodes whose structure is brackets, as in JSON.
//
// Source: YAML 1.2.2, section 7.4 (flow collection styles).

extension YAMLParser {
  /// The flow collection or scalar that starts here; ends behind it.
  mutating func flowNode() throws(InputProblem) -> YAMLNode {
    try enter()
    defer { leave() }
    let start = cursor.position
    switch cursor.byte {
    case UInt8(ascii: "["): return try flowSequence()
    case UInt8(ascii: "{"): return try flowMapping()
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      return YAMLNode(position: start, content: .scalar(try quotedScalar(), .quoted))
    default:
      return YAMLNode(position: start, content: .scalar(try flowPlainScalar(), .plain))
    }
  }

  private mutating func flowSequence() throws(InputProblem) -> YAMLNode {
    let start = cursor.position
    var nodes: [YAMLNode] = []
    cursor.advance()
    while true {
      try skipInFlow(from: start)
      if cursor.byte == UInt8(ascii: "]") { break }
      nodes.append(try flowNode())
      try skipInFlow(from: start)
      if cursor.byte == UInt8(ascii: ",") {
        cursor.advance()
      } else if cursor.byte != UInt8(ascii: "]") {
        throw flowProblem(expected: "',' or ']'")
      }
    }
    cursor.advance()
    return YAMLNode(position: start, content: .sequence(nodes))
  }

  private mutating func flowMapping() throws(InputProblem) -> YAMLNode {
    let start = cursor.position
    var pairs = YAMLPairs()
    cursor.advance()
    while true {
      try skipInFlow(from: start)
      if cursor.byte == UInt8(ascii: "}") { break }
      if cursor.isAtFlowStart || cursor.isAtIndicator(UInt8(ascii: "?")) {
        throw complexKeyProblem()
      }
      let keyPosition = cursor.position
      guard case .scalar(let key, _) = try flowNode().content else { throw complexKeyProblem() }
      try skipInFlow(from: start)
      var value = YAMLNode(position: keyPosition, content: .empty)
      if cursor.byte == UInt8(ascii: ":") {
        cursor.advance()
        try skipInFlow(from: start)
        if cursor.byte != UInt8(ascii: ",") && cursor.byte != UInt8(ascii: "}") {
          value = try flowNode()
          try skipInFlow(from: start)
        }
      }
      if let problem = pairs.append(key, at: keyPosition, value) { record(problem) }
      if cursor.byte == UInt8(ascii: ",") {
        cursor.advance()
      } else if cursor.byte != UInt8(ascii: "}") {
        throw flowProblem(expected: "',' or '}'")
      }
    }
    cursor.advance()
    return YAMLNode(position: start, content: .mapping(pairs.pairs))
  }

  /// A plain scalar inside brackets; it ends at a comma, a bracket or a colon with a space.
  private mutating func flowPlainScalar() throws(InputProblem) -> String {
    try checkPlainStart(isInFlow: true)
    var text = ""
    while true {
      let start = cursor.index
      while !cursor.isAtEnd && !cursor.isAtLineEnd && !cursor.isAtComment
        && !Self.isFlowIndicator(cursor.byte) && !isAtFlowColon
      {
        cursor.advance()
      }
      text += cursor.text(from: start, to: cursor.index)
      guard cursor.isAtLineEnd else { return text }
      var ahead = cursor
      while ahead.isAtLineEnd || ahead.isAtBlank {
        ahead.isAtLineEnd ? ahead.advanceOverLineEnd() : ahead.advance()
      }
      let ends =
        ahead.isAtEnd || ahead.isAtComment || ahead.byte == UInt8(ascii: ":")
        || Self.isFlowIndicator(ahead.byte) || ahead.isAtAnyDocumentMarker
      if ends { return text }
      let lineCount = ahead.line - cursor.line
      cursor = ahead
      text += lineCount == 1 ? " " : String(repeating: "\n", count: lineCount - 1)
    }
  }

  private var isAtFlowColon: Bool {
    cursor.byte == UInt8(ascii: ":")
      && (cursor.isSpaceOrEnd(ahead: 1) || Self.isFlowIndicator(cursor.byte(ahead: 1)))
  }

  /// Skips blanks, line ends and comments; refuses the end of the file.
  private mutating func skipInFlow(from start: SourcePosition) throws(InputProblem) {
    while cursor.isAtBlank || cursor.isAtLineEnd || cursor.isAtComment {
      if cursor.isAtComment {
        cursor.skipToEndOfLine()
      } else if cursor.isAtLineEnd {
        cursor.advanceOverLineEnd()
      } else {
        cursor.advance()
      }
    }
    if cursor.isAtEnd || cursor.isAtAnyDocumentMarker {
      throw InputProblem(
        "unclosed-bracket", at: start, "this bracket is never closed",
        hint: "add the closing bracket")
    }
  }

  private func flowProblem(expected: String) -> InputProblem {
    InputProblem(
      "unexpected-text", at: cursor.position, "expected \(expected)",
      hint: "separate entries with commas and close the bracket")
  }
}
