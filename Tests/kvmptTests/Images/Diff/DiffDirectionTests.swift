// kvmpt diff: which side is which, in every kind of difference and both formats.

import TestImages
import Testing

@testable import kvmpt

@Suite("A difference says what the first side has and what the second has")
struct DiffDirectionTests {
  /// A page that one side has where the other has another one, or none.
  private static func sides() -> (old: ComparedPages, new: ComparedPages) {
    var old = ComparedPages(pages: [])
    old.pages = [
      ComparedPage(linear: 0x5000_0000, physical: 0x9000_0000),
      ComparedPage(linear: 0x5001_0000, physical: 0x9001_0000, isWritable: false),
      ComparedPage(linear: 0x5002_0000, physical: 0x9002_0000, isExecutable: true),
    ]
    var new = old
    // The first goes, the second may be written and leads elsewhere, and a fourth one comes.
    new.pages.removeFirst()
    new.pages[0].isWritable = true
    new.pages[0].physical = 0xa001_0000
    new.pages.append(ComparedPage(linear: 0x5003_0000, physical: 0x9003_0000, isUser: true))
    return (old, new)
  }

  @Test(
    "Images and files on either side",
    arguments: [SourceKind.image, .file], [SourceKind.image, .file])
  func direction(_ first: SourceKind, _ second: SourceKind) throws {
    let (old, new) = Self.sides()
    for isReversed in [false, true] {
      let (a, b) = isReversed ? (new, old) : (old, new)
      let (json, text) = (
        try DiffPropertyTests.report(try a.file(first), try b.file(second)),
        try Self.text(try a.file(first), try b.file(second))
      )
      #expect(json.exitCode == 1)
      let found = json.json["differences"]?.elements ?? []
      #expect(
        found.map { $0["linear"] }
          == ["0x50000000", "0x50010000", "0x50030000"].map { .string($0) })
      let kinds = isReversed ? ["added", "changed", "removed"] : ["removed", "changed", "added"]
      #expect(found.map { $0["kind"] } == kinds.map { .string($0) })
      guard found.count == 3 else { continue }
      // What is there on one side only, and nothing on the other.
      let (has, lacks) = isReversed ? ("b", "a") : ("a", "b")
      #expect(found[0][has]?.text?.contains("0x9000_0000") == true && found[0][lacks] == nil)
      #expect(found[2][lacks]?.text?.contains("0x9003_0000") == true && found[2][has] == nil)
      let before = found[1][has]?.text ?? ""
      let after = found[1][lacks]?.text ?? ""
      #expect(before.contains("r--") && before.contains("0x9001_0000"), "\(before)")
      #expect(after.contains("rw-") && after.contains("0xa001_0000"), "\(after)")
      #expect(DiffPropertyTests.properties(json.json) == ["physical", "write"])
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines[0].hasPrefix(isReversed ? "+ 0x5000_0000" : "- 0x5000_0000"))
      #expect(lines[2].hasPrefix(isReversed ? "- 0x5003_0000" : "+ 0x5003_0000"))
      let arrow = (isReversed ? [after, before] : [before, after]).joined(separator: " -> ")
      #expect(lines[1].hasPrefix("! 0x5001_0000") && lines[1].contains(arrow), "\(lines[1])")
      #expect(lines.last == "3 differences")
    }
  }

  private static func text(
    _ first: ComparedPages.Made, _ second: ComparedPages.Made
  ) throws -> String {
    let images = [first, second].filter { !($0.owner is TemporaryFile || $0.owner is NamedFile) }
    let run = try ProgramRun(
      ["diff", first.path, second.path] + (images.isEmpty ? [] : ["--cr3", ComparedPages.root]))
    #expect(run.exitCode == 1, "\(run.errors)")
    return run.output
  }
}
