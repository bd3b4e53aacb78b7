// The mistake behind most text that is not YAML: `key:value` and `-item` without a space.

extension YAMLSyntaxProblem {
  /// A missing space that explains a problem at `place`: in its line, or in the last one with text
  /// before it.
  static func missingSpace(before place: SourcePosition, in bytes: ArraySlice<UInt8>)
    -> InputProblem?
  {
    var line = place.line
    while line > 0 && place.line - line < 3 {
      let text = self.line(line, in: bytes)
      let start = text.firstIndex { $0 != UInt8(ascii: " ") } ?? text.endIndex
      if let problem = missingSpace(in: text[start...], line: line) { return problem }
      // The line above matters only as far as its scalar goes on here.
      if line < place.line && start < text.endIndex { return nil }
      line -= 1
    }
    return nil
  }

  private static func missingSpace(in text: ArraySlice<UInt8>, line: Int) -> InputProblem? {
    var index = text.startIndex
    while index < text.endIndex && text[index...].starts(with: [UInt8(ascii: "-"), 0x20]) {
      index += 2
      while index < text.endIndex && text[index] == 0x20 { index += 1 }
    }
    if index + 1 < text.endIndex && text[index] == UInt8(ascii: "-") && isLetter(text[index + 1]) {
      return problem(behind: "-", line: line, column: index + 1)
    }
    while index < text.endIndex && (isLetter(text[index]) || text[index] == UInt8(ascii: "-")) {
      index += 1
    }
    let isKey =
      index + 1 < text.endIndex && text[index] == UInt8(ascii: ":")
      && !YAMLCursor.isSpace(text[index + 1])
    return isKey && index > text.startIndex
      ? problem(behind: ":", line: line, column: index + 1) : nil
  }

  private static func problem(behind indicator: String, line: Int, column: Int) -> InputProblem {
    InputProblem(
      "missing-space", at: SourcePosition(line: line, column: column),
      "a space is missing behind '\(indicator)'",
      hint: "write '\(indicator) ', or put the text in quotes")
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// The bytes of a line, counted from 1, without its end.
  static func line(_ number: Int, in bytes: ArraySlice<UInt8>) -> [UInt8] {
    var cursor = YAMLCursor(bytes: Array(bytes))
    while !cursor.isAtEnd && cursor.line < number { cursor.advanceOverAny() }
    let start = cursor.index
    cursor.skipToEndOfLine()
    return Array(cursor.bytes[start..<cursor.index])
  }
}
