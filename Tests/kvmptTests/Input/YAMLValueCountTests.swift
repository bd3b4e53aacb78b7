// How many keys and values a file may have.

import TestSupport
import Testing

@testable import kvmpt

@Suite("A file may have a million keys and values, and these are what is counted")
struct YAMLValueCountTests {
  private static func count(_ node: YAMLNode) -> Int {
    switch node.content {
    case .empty, .scalar: 1
    case .sequence(let nodes): nodes.reduce(1) { $0 + count($1) }
    case .mapping(let pairs): pairs.reduce(1) { $0 + 1 + count($1.value) }
    }
  }

  /// The number of keys and values that are counted against the limit.
  private static func counted(_ text: String) throws -> Int {
    try YAMLComposer.tree(of: Array(text.utf8))?.records.count ?? 0
  }

  @Test("Each key, each value and each collection counts once")
  func countsNodes() throws {
    let seed: UInt64 = 20_261_129
    var generator = SeededGenerator(seed: seed)
    let documents =
      YAMLDocumentTests.documents
      + (0..<3000).map { _ in RandomYAML.document(using: &generator) }
    var comparedCount = 0
    for text in documents where !text.contains("---") && !text.contains("%YAML") {
      guard let root = try? YAMLDocument.root(of: Array(text.utf8)) else { continue }
      comparedCount += 1
      #expect(try Self.counted(text) == Self.count(root), "seed \(seed):\n\(text)")
    }
    #expect(comparedCount > 2000)
  }

  /// An address space of so many mappings, which has seven keys and values for each.
  private static func space(mappingCount: Int) -> String {
    var text = "memory: 64GiB\nmappings:\n"
    for index in 0..<mappingCount {
      text += "- {linear: 0x\(String(index * 8192, radix: 16)), size: 4KiB, rights: r--}\n"
    }
    return text
  }

  @Test(
    "A file of a hundred thousand mappings is read, and a million keys and values are the limit")
  func limit() throws {
    #expect(try Self.counted(Self.space(mappingCount: 100_000)) == 700_005)
    // The root, its key and its list.
    let most = "a:\n" + String(repeating: "-\n", count: 999_997)
    #expect(try Self.counted(most) == 1_000_000)
    for tooMany in [most + "-\n", "[" + String(repeating: "[],", count: 1_000_000) + "]"] {
      do {
        _ = try Self.counted(tooMany)
        Issue.record("not refused")
      } catch let problem as InputProblem {
        #expect(problem.id == "too-many-values")
        #expect(problem.message == "the file has more than 1,000,000 keys and values")
      }
    }
  }

  @Test("A name may have 200 characters, however many bytes they take", arguments: ["x", "ä", "𝔵"])
  func names(_ character: Character) throws {
    func problems(_ count: Int) throws -> ProgramRun {
      let name = String(repeating: character, count: count)
      let file = try TemporaryFile(
        "memory: 1MiB\nmappings:\n  - {name: \"\(name)\", linear: 0x1000, size: 4KiB, rights: r--}\n"
      )
      return try ProgramRun(["check", file.path])
    }
    #expect(try problems(200).exitCode == 0)
    let refused = try problems(201)
    #expect(refused.exitCode == 65)
    #expect(refused.errors.contains("[bad-name]"))
  }
}
