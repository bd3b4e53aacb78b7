// YAMLParser: the part of YAML 1.2 that a person writes, JSON included.
//
// Block and flow collections, plain, quoted and block scalars, comments, one document. Anchors,
// aliases, tags and keys that are not scalars are refused by name: they are what makes YAML readers
// slow or surprising. The parser goes on after an error with the next entry, so that a file's
// problems are reported together; its time is linear in the length of the file.
//
// Source: YAML 1.2.2, chapters 6 (structural productions) to 9 (document stream).

/// Reads YAML from bytes that are valid UTF-8 without control characters.
struct YAMLParser {
  /// Collections may be nested this deep; address-space files need 3.
  static let nestingLimit = 32
  /// Problems beyond this many are counted but not kept.
  static let problemLimit = 100

  var cursor: YAMLCursor
  var nesting = 0
  private(set) var problems: [InputProblem] = []
  private(set) var droppedProblemCount = 0

  init(bytes: [UInt8]) {
    cursor = YAMLCursor(bytes: bytes)
  }

  /// The value of the only document; nil when the file says nothing.
  mutating func parseDocument() -> YAMLNode? {
    do throws(InputProblem) {
      try skipDirectives()
      try skipToContent()
      if cursor.isAtEnd { return nil }
      let root = try blockNode(parentIndentation: -1)
      try expectEndOfDocument()
      return root
    } catch {
      record(error)
      return nil
    }
  }

  mutating func record(_ problem: InputProblem) {
    if problems.count < Self.problemLimit {
      problems.append(problem)
    } else {
      droppedProblemCount += 1
    }
  }

  private mutating func skipDirectives() throws(InputProblem) {
    try skipToContent()
    while cursor.byte == UInt8(ascii: "%") && cursor.column == 1 {
      cursor.skipToEndOfLine()
      try skipToContent()
    }
    if cursor.isAtDocumentMarker(UInt8(ascii: "-")) { cursor.advance(by: 3) }
  }

  private mutating func expectEndOfDocument() throws(InputProblem) {
    try skipToContent()
    if cursor.isAtDocumentMarker(UInt8(ascii: ".")) {
      cursor.advance(by: 3)
      try skipToContent()
    }
    if cursor.isAtEnd { return }
    if cursor.isAtDocumentMarker(UInt8(ascii: "-")) {
      throw InputProblem(
        "several-documents", at: cursor.position, "the file holds more than one YAML document",
        hint: "keep one address space per file")
    }
    throw InputProblem(
      "bad-indentation", at: cursor.position, "this line belongs to nothing before it",
      hint: "indent it like the first key of the file")
  }

  /// Skips spaces, line ends and comments; refuses tabs before block content.
  mutating func skipToContent() throws(InputProblem) {
    while true {
      var tab: SourcePosition?
      let startsLine = cursor.column == 1
      while cursor.isAtBlank {
        if cursor.byte == UInt8(ascii: "\t") && startsLine && tab == nil { tab = cursor.position }
        cursor.advance()
      }
      if cursor.isAtComment { cursor.skipToEndOfLine() }
      if cursor.isAtLineEnd {
        cursor.advanceOverLineEnd()
      } else if let tab, !cursor.isAtEnd, !cursor.isAtFlowStart {
        throw InputProblem(
          "tab-indentation", at: tab, "a tab stands where lines are indented",
          hint: "indent with spaces")
      } else {
        return
      }
    }
  }

  /// Goes on to the next line that is indented by at most `indentation` columns.
  mutating func recover(to indentation: Int) {
    repeat {
      cursor.skipToEndOfLine()
      cursor.advanceOverLineEnd()
      while cursor.byte == UInt8(ascii: " ") { cursor.advance() }
    } while !cursor.isAtEnd
      && (cursor.isAtLineEnd || cursor.isAtComment || cursor.indentation > indentation)
  }

  /// Requires that nothing but a comment follows on the line.
  mutating func expectEndOfLine() throws(InputProblem) {
    cursor.skipBlanks()
    if cursor.isAtComment || cursor.isAtLineEnd || cursor.isAtEnd { return }
    if cursor.byte == UInt8(ascii: ":") { throw nestedMappingProblem() }
    throw InputProblem(
      "unexpected-text", at: cursor.position, "text follows the end of a value",
      hint: "start a new line, or put the whole value in quotes")
  }

  func nestedMappingProblem() -> InputProblem {
    InputProblem(
      "unexpected-mapping", at: cursor.position, "a key cannot stand inside a value",
      hint: "start a new line indented like the keys around it, or put the value in quotes")
  }

  mutating func enter() throws(InputProblem) {
    nesting += 1
    if nesting > Self.nestingLimit {
      nesting -= 1
      throw InputProblem(
        "nested-too-deep", at: cursor.position,
        "values are nested deeper than \(Self.nestingLimit) levels",
        hint: "address-space files need 3 levels")
    }
  }

  mutating func leave() { nesting -= 1 }
}
