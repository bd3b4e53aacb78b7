// The YAML reader against another one, and its own words for what it refuses.

import Testing

@testable import kvmpt

@Suite("YAML means here what it means to libyaml")
struct YAMLParserTests {
  static let documents: [String] = [
    "", "# only a comment\n", "a: 1\n", "a: 1\nb: two words # comment\n",
    "a:\n  b:\n    c: d\ne: f\n",
    "- 1\n- 2\n", "a:\n- 1\n- 2\nb: 3\n", "a:\n  - 1\n  -\n  - - x\n    - y\n",
    "- a: 1\n  b: 2\n- a: 3\n", "a: {b: 1, c: [2, 3,], d: }\n", "a: [\n 1, # one\n 2\n]\n",
    "{\"a\": [1, 2], \"b\":{\"c\":null}}", "a: 'it''s'\nb: \"x\\ty\\u00e9\\\\\"\n",
    "a: \"two\n  lines\n\n  more\"\nb: 1\n", "a: plain\n  goes on\n\n  here\nb: 1\n",
    "a: |\n  one\n   two\n\n  three\nb: 1\n",
    "a: >-\n  one\n  two\n\n  three\n   four\n  five\nb: 1\n",
    "a: |+\n  x\n\n\nb: 1\n", "a: |2\n   x\n  y\n", "--- \na: 1\n...\n", "%YAML 1.1\n---\na: 1\n",
    "a: http://host:80/x#y\n", "a: -1\nb: ---\nc: r-x\nd: -w-\n", "a: [r--, -w-, {x: ---}]\n",
    "'quoted key': 1\n\"another\": 2\n", "a : 1\n", "a:\n\n\n  b: 1\n\n", "a: b c: d\n",
    "a: 1\n  b: 2\n", "a: [1\n", "a: 'x\n", "a: 1\na: 2\n", "\ta: 1\n", "a: @x\n", "a: [1, 2]]\n",
    "a: }\n", "- 1\nb: 2\n", "a: 1\n- 2\n", "a\nb\n", "a: 1\n---\nb: 2\n", "a: \"\\q\"\n",
    "a: é # ü\nb: ÿ\n", "a: 1\r\nb:\r\n  - 2\r\n", "a: x#y\n", "a: ''\nb: \"\"\n", "[]", "{}",
    "a: {b: c:d, e: 'f'}\n", "a: \"x\\\n   y\"\n", "- - - 1\n    - 2\n- 3\n", "a: |\n\n  x\n",
    "a: >\n  x\n\n\n  y\n", "a: >\n\n  x\n   y\n   z\n  w\n", "a:   \n  - b\n", "a: - 1\n",
    "? a\n: 1\n",
  ]

  @Test("Both read the same tree, or both refuse", arguments: documents)
  func agreesWithLibyaml(_ text: String) {
    let ours = YAMLText.kvmpt(text)
    let theirs = YAMLText.yams(text)
    // A key that is not a word is YAML, and is refused here.
    if text.hasPrefix("?") {
      #expect(ours == nil && theirs != nil)
    } else {
      #expect(ours == theirs ?? (text.isEmpty || text.hasPrefix("#") ? "«»" : nil))
    }
  }

  @Test("Every example is read alike", arguments: PackageFiles.examples)
  func examplesAgree(_ name: String) throws {
    let bytes = try PackageFiles.bytes(of: "Examples/\(name)")
    let text = String(decoding: bytes, as: UTF8.self)
    let ours = try #require(YAMLText.kvmpt(text))
    #expect(ours == YAMLText.yams(text))
  }

  @Test("Random documents are read alike")
  func randomDocumentsAgree() {
    let seed: UInt64 = 20_261_123
    var generator = SeededGenerator(seed: seed)
    for round in 0..<3000 {
      let text = RandomYAML.document(using: &generator)
      let ours = YAMLText.kvmpt(text)
      #expect(ours != nil && ours == YAMLText.yams(text), "seed \(seed), round \(round):\n\(text)")
      if ours == nil { return }
    }
  }

  @Test(
    "What is refused has a name and a place",
    arguments: [
      ("a: &x 1\n", "yaml-alias", 1, 4), ("a: *x\n", "yaml-alias", 1, 4),
      ("a: !!int 1\n", "yaml-tag", 1, 4), ("a: 1\n? b\n", "missing-key", 2, 1),
      ("? b\n", "complex-key", 1, 1), ("a: 1\n\tb: 2\n", "tab-indentation", 2, 1),
      ("a: [1, 2\nb: 3\n", "unexpected-text", 2, 2), ("a: [1, 2", "unclosed-bracket", 1, 4),
      ("a: 'x", "unclosed-quote", 1, 4), ("a: \"\\z\"", "bad-escape", 1, 5),
      ("a: 1\n---\nb: 1\n", "several-documents", 2, 1),
      ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1),
      ("a: 1\n  b: 2\n", "unexpected-mapping", 2, 4), ("a: %\n", "unexpected-character", 1, 4),
      ("  a: 1\nb: 1\n", "bad-indentation", 2, 1), ("é: 'x' y\n", "unexpected-text", 1, 8),
      ("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1", "nested-too-deep", 1, 35),
    ] as [(String, String, Int, Int)])
  func refuses(_ text: String, _ id: String, _ line: Int, _ column: Int) throws {
    var parser = YAMLParser(bytes: Array(text.utf8))
    _ = parser.parseDocument()
    let problem = try #require(parser.problems.first)
    #expect(problem.id == id)
    #expect(problem.position == SourcePosition(line: line, column: column))
  }

  @Test("One mistake does not hide the next")
  func goesOnAfterAProblem() {
    var parser = YAMLParser(bytes: Array("a: [1\nb: 'x\nc: &y\nd: 1\n  e: 2\nd: 2\n".utf8))
    _ = parser.parseDocument()
    #expect(parser.problems.count >= 2)
    var second = YAMLParser(bytes: Array("a: *b\nc: 1 : 2\nd: @\n- x\ne: \"\\z\"\n".utf8))
    _ = second.parseDocument()
    #expect(second.problems.map(\.position.line) == [1, 2, 3, 4, 5])
  }

  @Test("A million brackets, keys or quotes end at once")
  func hostileShapesEnd() {
    for unit in ["[", "{", "{a: ", "- ", "a: ", "'", "\"", "? ", "|\n", "a:\n", "[a, ", "&a "] {
      let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
      var parser = YAMLParser(bytes: Array(text.utf8))
      _ = parser.parseDocument()
      #expect(parser.problems.count <= YAMLParser.problemLimit)
    }
  }
}
