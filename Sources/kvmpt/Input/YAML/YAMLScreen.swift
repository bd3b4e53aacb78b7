// YAMLScreen: a look at the tokens of a file before the YAML library composes it.
//
// Yams composes any YAML, and compares whole keys while it does: keys that are collections, and
// aliases inside them, take it exponential time. Address-space files need none of that, so files
// with anchors, aliases, tags, keys that are no scalars, deep nesting or too many values are
// refused here, in one pass. To know where a token starts, the screen follows the scanner of
// libyaml (indentation, simple keys) rather than the specification: where libyaml would stop with
// an error of its own, it does not matter what the screen thinks of the rest.
//
// Source: YAML 1.2.2, chapters 6 and 7; libyaml 0.2.5, scanner.c.

/// Goes over the tokens of a file and refuses what the reader does without.
struct YAMLScreen {
  /// Collections may be nested this deep; address-space files need 3.
  static let nestingLimit = 32
  /// The largest number of keys and values, which a collection is, too: enough for more than a
  /// hundred thousand mappings.
  static let valueLimit = 1_000_000

  var cursor: YAMLCursor
  /// The column (from 0) of the innermost block collection, -1 outside of all.
  private(set) var indentation = -1
  /// What may start a key: the first token of a line, and those behind indicators.
  var allowsKey = true
  /// The open brackets.
  private(set) var brackets: [UInt8] = []
  /// The number of scalars seen.
  var scalarCount = 0

  private var outerIndentations: [Int] = []
  /// Where the last token started that may turn out to be the key of a block mapping.
  private var possibleKey: SourcePosition?
  /// The indicator before this token; 0 for a scalar.
  private(set) var previous: UInt8 = 0
  /// The number of keys and values, with those that are left out.
  var valueCount = 1

  init(bytes: [UInt8]) {
    cursor = YAMLCursor(bytes: bytes)
  }

  var isInBrackets: Bool { !brackets.isEmpty }
  /// The column of the next byte, from 0.
  var column: Int { cursor.column - 1 }

  /// Throws the first thing in the file that is refused.
  mutating func screen() throws(InputProblem) {
    while true {
      skipToToken()
      if cursor.isAtEnd { return }
      leaveBlocks(beyond: column)
      countValues()
      if valueCount > Self.valueLimit {
        throw InputProblem(
          "too-many-values", at: cursor.position,
          "the file has more than \(grouped(Self.valueLimit)) keys and values",
          hint: "one range of pages is one mapping, however many pages it has")
      }
      try passToken()
    }
  }

  /// Skips blanks, line ends and comments.
  private mutating func skipToToken() {
    while true {
      // libyaml takes a tab for a token where a line is indented, and then refuses it.
      while cursor.byte == UInt8(ascii: " ")
        || (cursor.byte == UInt8(ascii: "\t") && (isInBrackets || !allowsKey))
      {
        cursor.advance()
      }
      if cursor.byte == UInt8(ascii: "#") { cursor.skipToEndOfLine() }
      guard cursor.isAtLineEnd else { return }
      cursor.advanceOverLineEnd()
      if !isInBrackets { allowsKey = true }
    }
  }

  private mutating func passToken() throws(InputProblem) {
    let byte = cursor.byte
    let isIndicator = isInBrackets || cursor.isSpaceOrEnd(ahead: 1)
    switch byte {
    case UInt8(ascii: "%") where column == 0:
      leaveDocument()
      cursor.skipToEndOfLine()
    case _ where cursor.isAtAnyDocumentMarker:
      leaveDocument()
      cursor.advance(by: 3)
    case UInt8(ascii: "["), UInt8(ascii: "{"): try openBracket(byte)
    case UInt8(ascii: "]"), UInt8(ascii: "}"):
      forgetKey()
      _ = brackets.popLast()
      passIndicator(byte, allowsKey: false)
    case UInt8(ascii: ","):
      forgetKey()
      passIndicator(byte, allowsKey: true)
    case UInt8(ascii: "-") where cursor.isSpaceOrEnd(ahead: 1):
      try enterBlock(at: column)
      forgetKey()
      passIndicator(byte, allowsKey: true)
    case UInt8(ascii: "?") where isIndicator: throw complexKeyProblem()
    case UInt8(ascii: ":") where isIndicator: try passColon()
    case UInt8(ascii: "&"), UInt8(ascii: "*"):
      throw InputProblem(
        "yaml-alias", at: cursor.position, "anchors and aliases are not read",
        hint: "write the value out, or put it in quotes if it is text")
    case UInt8(ascii: "!"):
      throw InputProblem(
        "yaml-tag", at: cursor.position, "tags are not read",
        hint: "remove the tag, or put the value in quotes if it is text")
    default:
      previous = 0
      passScalar(byte)
    }
  }

  private mutating func openBracket(_ byte: UInt8) throws(InputProblem) {
    let isKey =
      brackets.last == UInt8(ascii: "{")
      && (previous == UInt8(ascii: "{") || previous == UInt8(ascii: ","))
    if isKey { throw complexKeyProblem() }
    rememberKey()
    brackets.append(byte)
    try checkNesting()
    passIndicator(byte, allowsKey: true)
  }

  private mutating func passColon() throws(InputProblem) {
    if previous == UInt8(ascii: "]") || previous == UInt8(ascii: "}") { throw complexKeyProblem() }
    if let key = possibleKey, !isInBrackets, key.line == cursor.line {
      try enterBlock(at: key.column - 1)
      allowsKey = false
    } else {
      try enterBlock(at: column)
      allowsKey = !isInBrackets
    }
    forgetKey()
    passIndicator(UInt8(ascii: ":"), allowsKey: allowsKey)
  }

  private mutating func passIndicator(_ byte: UInt8, allowsKey: Bool) {
    previous = byte
    self.allowsKey = allowsKey
    cursor.advance()
  }

  /// Notes that a token here may be the key of a block mapping.
  mutating func rememberKey() {
    if allowsKey && !isInBrackets { possibleKey = cursor.position }
  }

  mutating func forgetKey() {
    if !isInBrackets { possibleKey = nil }
  }

  private mutating func enterBlock(at column: Int) throws(InputProblem) {
    if isInBrackets || indentation >= column { return }
    outerIndentations.append(indentation)
    indentation = column
    try checkNesting()
  }

  private mutating func leaveBlocks(beyond column: Int) {
    if isInBrackets { return }
    while indentation > column, let outer = outerIndentations.popLast() { indentation = outer }
  }

  private mutating func leaveDocument() {
    leaveBlocks(beyond: -1)
    forgetKey()
    allowsKey = false
    previous = 0
  }

  private func checkNesting() throws(InputProblem) {
    if outerIndentations.count + brackets.count <= Self.nestingLimit { return }
    throw InputProblem(
      "nested-too-deep", at: cursor.position,
      "values are nested deeper than \(Self.nestingLimit) levels",
      hint: "address-space files need 3 levels")
  }

  private func complexKeyProblem() -> InputProblem {
    InputProblem(
      "complex-key", at: cursor.position, "a key cannot be a list or have keys of its own",
      hint: "start with a word such as 'linear:'")
  }
}
