// YAMLSyntaxProblem: what the YAML library says about text that is not YAML, in our words.

/// Turns errors of libyaml into problems with a stable name and a hint.
enum YAMLSyntaxProblem {
  /// The problem that `error` tells of; its place lies within `bytes`.
  static func problem(for error: YAMLEventError, in bytes: ArraySlice<UInt8>) -> InputProblem {
    if error.isLackOfMemory {
      return InputProblem(
        "yaml-syntax", at: .start, "there is not enough memory to read the file",
        hint: "split the file")
    }
    let end = end(of: bytes)
    let place = min(error.position, end)
    let start = error.context.map { min($0.position, end) } ?? place
    let surroundings = Surroundings(of: place, in: bytes)
    let known = known(error.problem, at: place, from: start, surroundings)
    let isLayout = known.map { layoutProblems.contains($0.id) } ?? false
    if isLayout, let better = missingSpace(before: place, in: bytes) { return better }
    return known
      ?? InputProblem(
        "yaml-syntax", at: place,
        error.context.map { "\(error.problem) \($0.text)" } ?? error.problem,
        hint: "see the examples for how address-space files are written")
  }

  /// Problems that a missing space in the line before may cause.
  private static let layoutProblems: Set<String> = [
    "unexpected-mapping", "missing-colon", "bad-indentation", "unexpected-text",
  ]

  /// The messages of libyaml that a person can run into; `start` is where the construct begins.
  private static func known(
    _ problem: String, at place: SourcePosition, from start: SourcePosition,
    _ surroundings: Surroundings
  ) -> InputProblem? {
    switch problem {
    case _ where surroundings.byte == UInt8(ascii: "\t"),
      "found a tab character that violates indentation",
      "found a tab character where an indentation space is expected":
      return InputProblem(
        "tab-indentation", at: place, "a tab stands where lines are indented",
        hint: "indent with spaces")
    case "found character that cannot start any token", "did not find expected node content",
      "found unexpected ':'":
      return InputProblem(
        "unexpected-character", at: place, "no value can start here",
        hint: "put text that starts with a special character in quotes")
    case "mapping values are not allowed in this context":
      return InputProblem(
        "unexpected-mapping", at: place, "a key cannot stand inside a value",
        hint: "start a new line indented like the keys around it, or put the value in quotes")
    case "block sequence entries are not allowed in this context":
      return InputProblem(
        "unexpected-list", at: place, "a list cannot start behind a key on the same line",
        hint: "start a new line with the first '- '")
    case "could not find expected ':'":
      return InputProblem(
        "missing-colon", at: start, "a key without ':' and a value",
        hint: "write 'key: value', or indent the line if it belongs to the value above")
    case "did not find expected <document start>" where surroundings.startsLine:
      return InputProblem(
        "bad-indentation", at: place, "this line belongs to nothing before it",
        hint: "a file is one object of 'key: value' lines; indent them all alike")
    case "did not find expected key", "did not find expected '-' indicator",
      "did not find expected <document start>":
      if surroundings.startsLine {
        return InputProblem(
          "bad-indentation", at: place, "this line is indented like none that it could belong to",
          hint: "give the keys of one object, and the '-' of one list, the same indentation")
      }
      return InputProblem(
        "unexpected-text", at: place, "text follows the end of a value",
        hint: "start a new line, or put the whole value in quotes")
    case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
      let bracket = problem.hasSuffix("']'") ? "]" : "}"
      if surroundings.isAtEnd {
        return InputProblem(
          "unclosed-bracket", at: start, "this bracket is never closed", hint: "add '\(bracket)'")
      }
      return InputProblem(
        "missing-comma", at: place, "',' or '\(bracket)' is missing before this",
        hint: "the bracket opened in line \(start.line), column \(start.column)")
    case "found unexpected end of stream", "found unexpected document indicator":
      return InputProblem(
        "unclosed-quote", at: start, "this quote is never closed", hint: "close it")
    case "found unknown escape character", "did not find expected hexdecimal number",
      "found invalid Unicode character escape code":
      return InputProblem(
        "bad-escape", at: place, "no escape sequence of a text in double quotes",
        hint: "write \\\\ for a backslash, or use single quotes")
    default: return nil
    }
  }

  /// The place behind the last byte.
  private static func end(of bytes: ArraySlice<UInt8>) -> SourcePosition {
    var cursor = YAMLCursor(bytes: Array(bytes))
    while !cursor.isAtEnd { cursor.advanceOverAny() }
    return cursor.position
  }

  /// What stands around a place.
  struct Surroundings {
    /// The byte there; 0 at the end.
    let byte: UInt8
    let isAtEnd: Bool
    /// Nothing but spaces stands before it in its line.
    let startsLine: Bool

    init(of place: SourcePosition, in bytes: ArraySlice<UInt8>) {
      var cursor = YAMLCursor(bytes: Array(bytes))
      var startsLine = true
      while !cursor.isAtEnd && cursor.position < place {
        startsLine = cursor.isAtLineEnd || (startsLine && cursor.byte == UInt8(ascii: " "))
        cursor.advanceOverAny()
      }
      byte = cursor.byte
      isAtEnd = cursor.isAtEnd
      self.startsLine = startsLine
    }
  }
}
