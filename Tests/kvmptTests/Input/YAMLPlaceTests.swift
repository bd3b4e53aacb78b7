// Places in YAML text: what stands at them, however lines end, and which line is to blame.

import Testing

@testable import kvmpt

@Suite("A mistake is found where it is, however the lines end")
struct YAMLPlaceTests {
  static let lineEnds = ["\n", "\r\n", "\r"]

  /// Texts of which each breaks YAML in another way, some of them over several lines.
  static let wrong: [String] = [
    "a: &x 1\n", "a: *x\n", "a: !!int 1\n", "? [b]\n", "[a]: b\n", "a: 1\n? b: 2\n",
    "a: {[b]: c}", "'a': 1\na: 2\n", "a: 1\n\tb: 2\n", "a: |\n\tb\n", "a: [1, 2\nb: 3\n",
    "a: [1, 2", "a: {b: 1, c: 2", "a:\n- {b: 1\n- c\n", "a: 'x", "b:\n  'x\n\ny", "a: \"\\z\"",
    "a: \"\\ud800\"", "a: \"\\xg0\"", "b: 1\na: \"x\n  \\q\"\n", "a: 1\n---\nb: 1\n",
    "a: 1\nb: 2\na: 3\n", "a: 1\n  b: 2\n", "a: b: 1\n", "a: %\n", "a: @b\n", "a: - 1\n",
    "  a: 1\nb: 1\n", "a: 1\nb\nc: 2\n", "é: 'x' y\n", "é: 1\n\nüü: \"b\" c\n", "%FOO\n---\na: 1\n",
    "a: }\n", "memory:64MiB\na: b\n", "memory:64MiB\n\na: b\n", "memory:64MiB\n\n\na: b\n",
    "a: 1\nb:2\nc: 3\n", "b:2\n x\nc: 3\n", "a:\n  -b: 1\n   c: 2\n", "a:\n  - b:1\n    c: 2\n",
    "a:\n  - b: 1\n   c: 2\n", "a: 1\n b\nc\n", "a: 1\n- 2\n", "- 1\nb: 2\n",
    "a: x\n b: y\n", "a: 'x'\n  b: 1\n", "a: 1 # x\n b: 1\n", "a: [1, 2\nb: 'x'\nc: *d\n",
  ]

  /// Texts, wrong ones among them, whose lines end with LF.
  private static let texts =
    YAMLDocumentTests.documents.filter { !$0.utf8.contains(0x0d) } + wrong

  private static func problem(_ text: String) -> InputProblem? {
    do throws(InputProblem) {
      _ = try YAMLDocument.root(of: Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test("CR, LF and CR LF end a line alike: the same problem at the same place", arguments: wrong)
  func endsOfLines(_ text: String) throws {
    let problem = try #require(Self.problem(text))
    for end in Self.lineEnds {
      let other = text.replacing("\n", with: end)
      #expect(Self.problem(other) == problem, "\(other.debugDescription)")
    }
  }

  @Test("Every kind of mistake in YAML and in address spaces has its words and its hint")
  func words() throws {
    var text = ""
    for wrong in Self.wrong {
      let problem = try #require(Self.problem(wrong), "\(wrong)")
      text += "\(Self.escaped(wrong))\n\(problem.rendered(path: "  x"))\n\n"
    }
    let reader = AddressSpaceFileReaderTests().reader
    for wrong in AddressSpaceFileReaderTests.cases.map(\.text) {
      guard case .problems(let problems, _) = reader.read(Array(wrong.utf8), path: "x") else {
        continue
      }
      text += "\(Self.escaped(wrong))\n"
      for problem in problems { text += problem.rendered(path: "  x") + "\n" }
      text += "\n"
    }
    try Recording(name: "input-problems").check(text)
  }

  /// The text in one line of plain characters.
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      if scalar == "\n" { return "\\n" }
      return (0x20...0x7e).contains(scalar.value)
        ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }.joined()
  }

  /// The lines of a text, without their ends.
  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("A line is what stands between two line ends, and nothing of them")
  func lines() {
    for text in Self.texts {
      let lines = Self.lines(text)
      for end in Self.lineEnds {
        let bytes = Array(text.replacing("\n", with: end).utf8)
        for (index, line) in lines.enumerated() {
          #expect(YAMLSyntaxProblem.line(index + 1, in: bytes[...]) == Array(line.utf8))
        }
        #expect(YAMLSyntaxProblem.line(lines.count + 1, in: bytes[...]) == [])
      }
    }
  }

  @Test("What stands at a place: its byte, whether it begins its line, whether the file ends there")
  func surroundings() {
    for (number, text) in Self.wrong.enumerated() {
      let lines = Self.lines(text)
      // The ends of lines take turns.
      for end in [Self.lineEnds[number % 3]] {
        let bytes = Array(text.replacing("\n", with: end).utf8)
        for (index, line) in lines.enumerated() {
          let scalars = Array(line.unicodeScalars)
          for column in 0...scalars.count {
            let place = SourcePosition(line: index + 1, column: column + 1)
            let found = YAMLSyntaxProblem.Surroundings(of: place, in: bytes[...])
            let isLast = index == lines.count - 1
            let isAtEnd = isLast && column == scalars.count
            let byte =
              column < scalars.count
              ? String(scalars[column]).utf8.first : isAtEnd ? 0 : end.utf8.first
            #expect(found.byte == byte, "\(place) of \(text.debugDescription)")
            #expect(found.isAtEnd == isAtEnd, "\(place) of \(text.debugDescription)")
            #expect(
              found.startsLine == scalars.prefix(column).allSatisfy { $0 == " " },
              "\(place) of \(text.debugDescription)")
          }
        }
      }
    }
  }

  /// Lines, and where a space is missing in them: behind what, at which column.
  private static let pieces: [(text: String, missing: (behind: String, column: Int)?)] = [
    ("", nil), ("   ", nil), ("a:b", (":", 2)), (" -item", ("-", 2)), ("e: f", nil), ("text", nil),
    ("  - c-d:1", (":", 8)), ("- - -x: 1", ("-", 5)), ("g:", nil), (":h", nil), ("- i", nil),
    ("j1:k", nil), ("z:Z", (":", 2)), ("k::", (":", 2)), ("-", nil), ("--x", nil), ("-1", nil),
    ("A:\t", nil), ("- -", nil), ("-   m:n", (":", 6)),
  ]

  private static func problem(
    _ line: Int, _ missing: (behind: String, column: Int)?
  ) -> InputProblem? {
    missing.map {
      InputProblem(
        "missing-space", at: SourcePosition(line: line, column: $0.column),
        "a space is missing behind '\($0.behind)'",
        hint: "write '\($0.behind) ', or put the text in quotes")
    }
  }

  private static func found(_ lines: [String], before line: Int) -> InputProblem? {
    let bytes = Array(lines.joined(separator: "\n").utf8)
    return YAMLSyntaxProblem.missingSpace(
      before: SourcePosition(line: line, column: 1), in: bytes[...])
  }

  @Test("A missing space in a line is found where it is missing, and nowhere else")
  func missingSpaces() {
    for piece in Self.pieces {
      #expect(
        Self.found([piece.text], before: 1) == Self.problem(1, piece.missing), "\(piece.text)")
      #expect(
        Self.found(["", piece.text, ""], before: 2) == Self.problem(2, piece.missing),
        "\(piece.text)")
    }
  }

  @Test(
    "A missing space is blamed in the line itself, or in the last line with text, two up at most")
  func blamedLines() {
    let count = 6
    for choice in 0..<(count * count * count * count) {
      var rest = choice
      let lines = (0..<4).map { _ in
        defer { rest /= count }
        return Self.pieces[rest % count]
      }
      var expected = Self.problem(4, lines[3].missing)
      if expected == nil {
        let above = [3, 2].first { !lines[$0 - 1].text.allSatisfy { $0 == " " } }
        expected = above.flatMap { Self.problem($0, lines[$0 - 1].missing) }
      }
      if Self.found(lines.map(\.text), before: 4) != expected {
        Issue.record("\(lines.map(\.text))")
      }
    }
  }
}
