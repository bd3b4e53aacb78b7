// The way through the YAML library: what is refused of its events, and its errors in our words.

import TestSupport
import Testing

@testable import kvmpt

@Suite("YAML is read event by event, and what is slow or surprising in it is refused")
struct YAMLDocumentTests {
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
    "a: foo\n  'tis *x\n  [b\nc: 1\n", "a: |\n   *x\n  b\nc: 1\n", "- |\n *x\n- >2-\n    &y\n- z\n",
    "a:\n- |\n  *x\n- b\n", "a:\n  - b: >\n     *c\n    d: \"*\"\n", "a\n*b\n",
    "a: b # *c\nd: '#' # &e\n",
    "a: \"\\\"*b\\\\\"\nc: 'it''s: *d'\n", "a: [x *y, z&z, 'p'#*q\n]\n", "{a: b*c, \"d\":e!f}\n",
    "a: b\n\n  *c\nd: *\n", "--- |\n *a\n", "- - |\n   *a\n  - b\n", "a: |1\n *b\n",
    "a: ?b\nc: -*d\n",
    "a: b\n   # *c\nd: e\n", "a:\n    b\n  *c\n", "a: |\n\n\n    *b\n\n   *c\n",
    "%YAML 1.2\n--- a\n", "? a\n: 1\n",
  ]

  @Test("What is read is what the library composes, or nothing", arguments: documents)
  func agreesWithLibyaml(_ text: String) {
    #expect(YAMLText.kvmpt(text) == YAMLText.libyaml(text))
  }

  @Test("Every example is read alike", arguments: PackageFiles.examples)
  func examplesAgree(_ name: String) throws {
    let bytes = try PackageFiles.bytes(of: "Examples/\(name)")
    let text = String(decoding: bytes, as: UTF8.self)
    let ours = try #require(YAMLText.kvmpt(text))
    #expect(ours == YAMLText.libyaml(text))
  }

  @Test("Random documents are not refused, and read alike")
  func randomDocumentsAgree() {
    let seed: UInt64 = 20_261_123
    var generator = SeededGenerator(seed: seed)
    for round in 0..<3000 {
      let text = RandomYAML.document(using: &generator)
      let ours = YAMLText.kvmpt(text)
      #expect(
        ours != nil && ours == YAMLText.libyaml(text), "seed \(seed), round \(round):\n\(text)")
      if ours == nil { return }
    }
  }

  @Test("What is read is what libyaml composes, or nothing, in 30,000 mutated files")
  func mutatedFilesAgree() throws {
    let corpus = try FuzzCorpus()
    let seed: UInt64 = 0x5c12_ee4e
    var generator = SeededGenerator(seed: seed)
    var readCount = 0
    var refusedCount = 0
    for round in 0..<30_000 {
      let text: String
      if round % 3 == 0 {
        // Random documents have more shapes of scalars than address spaces do.
        var bytes = Array(RandomYAML.document(using: &generator).utf8)
        corpus.mutate(&bytes, using: &generator)
        text = String(decoding: bytes, as: UTF8.self)
      } else {
        text = String(decoding: corpus.mutatedFile(using: &generator), as: UTF8.self)
      }
      guard let bytes = try? SourceText.checked(Array(text.utf8), byteLimit: 1 << 20) else {
        continue
      }
      let checked = String(decoding: bytes, as: UTF8.self)
      if let problem = Self.firstProblem(checked) {
        // These are YAML, of a kind that is not read.
        let isRefusal = [
          "yaml-alias", "yaml-tag", "complex-key", "duplicate-key", "nested-too-deep",
        ].contains(problem)
        if isRefusal { continue }
        refusedCount += 1
        #expect(
          YAMLText.libyaml(checked) == nil, "seed \(seed), round \(round), \(problem):\n\(text)")
      } else {
        readCount += 1
        #expect(
          YAMLText.kvmpt(checked) == YAMLText.libyaml(checked),
          "seed \(seed), round \(round):\n\(text)")
      }
    }
    #expect(readCount > 5000 && refusedCount > 5000)
  }

  @Test(
    "What is refused has a name and a place",
    arguments: [
      ("a: &x 1\n", "yaml-alias", 1, 4), ("a: *x\n", "yaml-alias", 1, 4),
      ("a: !!int 1\n", "yaml-tag", 1, 4), ("? [b]\n", "complex-key", 1, 3),
      ("[a]: b\n", "complex-key", 1, 1),
      ("a: 1\n? b: 2\n", "complex-key", 2, 3),
      ("a: {[b]: c}", "complex-key", 1, 5), ("a: {b: c, {d}}", "complex-key", 1, 11),
      ("a: [[b]: c]", "complex-key", 1, 5), ("a: &x !t 1", "yaml-alias", 1, 4),
      ("a: !t &x 1", "yaml-tag", 1, 4), ("a: &x [1]", "yaml-alias", 1, 4),
      ("a: !t {b: 1}", "yaml-tag", 1, 4), ("'a': 1\na: 2\n", "duplicate-key", 1, 1),
      ("a: 1\n\tb: 2\n", "tab-indentation", 2, 1), ("a: |\n\tb\n", "tab-indentation", 2, 1),
      ("a: [1, 2\nb: 3\n", "missing-comma", 2, 2), ("a: [1, 2", "unclosed-bracket", 1, 4),
      ("a: {b: 1, c: 2", "unclosed-bracket", 1, 4), ("a: 'x", "unclosed-quote", 1, 4),
      ("a: \"\\z\"", "bad-escape", 1, 5), ("a: \"\\ud800\"", "bad-escape", 1, 7),
      ("a: 1\n---\nb: 1\n", "several-documents", 2, 1),
      ("a: 1\nb: 2\na: 3\n", "duplicate-key", 1, 1),
      ("a: {b: 1, c: 1, c: 2, b: 2}\n", "duplicate-key", 1, 5),
      ("a: 1\n  b: 2\n", "unexpected-mapping", 2, 4), ("a: b: 1\n", "unexpected-mapping", 1, 5),
      ("a: %\n", "unexpected-character", 1, 4), ("a: @b\n", "unexpected-character", 1, 4),
      ("a: - 1\n", "unexpected-list", 1, 4), ("  a: 1\nb: 1\n", "bad-indentation", 2, 1),
      ("a: 1\nb\nc: 2\n", "missing-colon", 2, 1), ("é: 'x' y\n", "unexpected-text", 1, 8),
      ("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1", "nested-too-deep", 1, 35),
      ("%FOO\n---\na: 1\n", "yaml-syntax", 1, 5), ("a: }\n", "unexpected-character", 1, 4),
      ("memory:64MiB\na: b\n", "missing-space", 1, 7), ("a: 1\nb:2\nc: 3\n", "missing-space", 2, 2),
      ("a:\n  -b: 1\n   c: 2\n", "missing-space", 2, 3),
      ("a:\n  - b:1\n    c: 2\n", "missing-space", 2, 6),
      ("a:\n  - b: 1\n   c: 2\n", "bad-indentation", 3, 4),
      // The bracket is the mistake, not what looks like an alias behind it.
      ("a: [1, 2\nb: 'x'\nc: *d\n", "missing-comma", 2, 2),
    ] as [(String, String, Int, Int)])
  func refuses(_ text: String, _ id: String, _ line: Int, _ column: Int) throws {
    do throws(InputProblem) {
      _ = try YAMLDocument.root(of: Array(text.utf8))
      Issue.record("accepted")
    } catch {
      #expect(error.id == id)
      #expect(error.position == SourcePosition(line: line, column: column))
      // The words are ours: they are followed by a hint, and do not speak of the parser's insides.
      #expect(!error.hint.isEmpty && error.message.first?.isUppercase == false)
    }
  }

  @Test("A place behind the end of the file is the end of the file")
  func placesStayInside() throws {
    for text in ["a: [1,\n2", "a: {", "a: \"", "-\n- {a", "a:\n  - b\n c"] {
      let lineCount = text.split(separator: "\n", omittingEmptySubsequences: false).count
      do throws(InputProblem) {
        _ = try YAMLDocument.root(of: Array(text.utf8))
        Issue.record("accepted \(text)")
      } catch {
        #expect(error.position.line <= lineCount, "\(text)")
      }
    }
  }

  @Test("A hundred kilobytes of brackets, keys, quotes or aliases end in no time")
  func hostileShapesEnd() {
    let units = [
      "[", "{", "{a: ", "- ", "a: ", "'", "\"", "? ", "|\n", "a:\n", "[a, ", "&a ", "- a\n", "a,",
      "[]: ", "{[", "[[a]: b, ", "\"\\", "é", "#\n", "a: |\n b\n", "- - \n", "x\n ", "[],", "---\n",
    ]
    func cost(_ prefix: String, _ unit: String, byteCount: Int) -> Duration {
      let text = prefix + String(repeating: unit, count: byteCount / unit.utf8.count)
      let bytes = Array(text.utf8)
      let start = ThreadTime.now
      _ = try? YAMLDocument.root(of: bytes)
      return ThreadTime.now - start
    }
    for unit in units {
      for prefix in ["", "a: [", "a: {"] {
        // Eight times the text may take eight times as long, and not sixty-four times. What takes
        // next to no time is not compared.
        let long = cost(prefix, unit, byteCount: 100_000)
        guard long > .milliseconds(200) else { continue }
        let short = (0..<3).map { _ in cost(prefix, unit, byteCount: 12_500) }.min() ?? .zero
        #expect(min(long, cost(prefix, unit, byteCount: 100_000)) < short * 30, "\(prefix)\(unit)")
      }
    }
  }

  @Test("However many keys are given twice, they are found in no time, and ten are named")
  func manyDuplicateKeys() throws {
    func cost(_ count: Int) throws -> Duration {
      let keys = (0..<count).map { "k\($0): 1\n" }.joined()
      let bytes = Array((keys + keys + keys).utf8)
      let start = ThreadTime.now
      do throws(InputProblem) {
        _ = try YAMLDocument.root(of: bytes)
        Issue.record("accepted")
      } catch {
        #expect(error.id == "duplicate-key" && error.position == .start)
        #expect(error.message.contains("'k9', and \(count - 10) more, are given again"))
      }
      return ThreadTime.now - start
    }
    let short = try (0..<3).map { _ in try cost(2000) }.min() ?? .zero
    // Eight times the keys: sixty-four times as long would be each compared with each.
    #expect(try cost(16_000) < short * 30)
  }

  @Test("A file with more than a million keys and values is refused before it takes memory")
  func tooManyValues() {
    let text = String(repeating: "- a\n", count: 1_000_000)
    #expect(Self.firstProblem(text) == "too-many-values")
  }

  @Test("Aliases that would multiply are refused at the first anchor")
  func aliasBombs() throws {
    var text = "a0: &a0 [x, x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    text += "? *a40\n: 1\n"
    #expect(Self.firstProblem(text) == "yaml-alias")
  }

  private static func firstProblem(_ text: String) -> String? {
    do throws(InputProblem) {
      _ = try YAMLDocument.root(of: Array(text.utf8))
      return nil
    } catch {
      return error.id
    }
  }
}
