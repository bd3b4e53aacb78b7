// kvmpt diff: each property on each kind of side.

import MMU
import Probe
import TestSupport
import Testing

@testable import kvmpt

@Suite("A difference in one property is reported, whatever kind of file says it")
struct DiffPropertyTests {
  /// The JSON report of a comparison.
  static func report(
    _ first: ComparedPages.Made, _ second: ComparedPages.Made, _ more: [String] = []
  ) throws -> (exitCode: Int32, json: JSONValue) {
    var arguments = ["diff", first.path, second.path, "--format", "json"] + more
    let images = [first, second].filter { !($0.owner is TemporaryFile || $0.owner is NamedFile) }
    if !images.isEmpty { arguments += ["--cr3", ComparedPages.root] }
    let run = try ProgramRun(arguments)
    try #require(run.exitCode <= 1, "\(run.errors)")
    return (run.exitCode, try JSONValue(json: run.output))
  }

  /// The properties of all differences.
  static func properties(_ report: JSONValue) -> Set<String> {
    Set(
      (report["differences"]?.elements ?? []).flatMap {
        ($0["properties"]?.elements ?? []).compactMap(\.text)
      })
  }

  static func notCompared(_ report: JSONValue) -> Set<String> {
    Set((report["not-compared"]?.elements ?? []).compactMap { $0["property"]?.text })
  }

  /// Whether two sides tell that a property of `page` was changed on the second one.
  static func tells(
    _ first: SourceKind, _ second: SourceKind, _ property: RangeProperty, of page: ComparedPage
  ) -> Bool {
    if first.unsaid(property) || second.unsaid(property) { return false }
    guard let before = page.has(property), first.showsLeaves != second.showsLeaves,
      first != .image && second != .image
    else { return true }
    // A right of a leaf that does not hold over all levels may be taken away by an entry above.
    return first.showsLeaves ? !before : before
  }

  /// Each kind on each side once, with the next or whose turn it is, and all pairs where tests are full.
  static let pairs = SourceKind.allCases.indices.flatMap { first in
    SourceKind.allCases.indices.compactMap { second in
      TestSetting.isFull
        || second == (first + 1 + TestSetting.turn) % SourceKind.allCases.count
        ? (SourceKind.allCases[first], SourceKind.allCases[second]) : nil
    }
  }

  @Test("Each property alone, of a large page and of a small one, on each pair", arguments: pairs)
  func each(_ first: SourceKind, _ second: SourceKind) throws {
    let base = ComparedPages.base
    let old = try base.file(first)
    let same = try Self.report(old, try base.file(second))
    #expect(same.exitCode == 0 && same.json["differences"] == .array([]), "\(same.json)")
    for property in RangeProperty.allCases {
      let isUnsaid = first.unsaid(property) || second.unsaid(property)
      #expect(Self.notCompared(same.json).contains(property.id) == isUnsaid, "\(property)")
      for index in [0, 2] {
        guard let changed = base.changed(index, property) else { continue }
        let (exitCode, json) = try Self.report(old, try changed.file(second))
        let words: Comment = "\(property) of page \(index): \(json)"
        if Self.tells(first, second, property, of: base.pages[index]) {
          #expect(exitCode == 1, words)
          #expect(Self.properties(json) == [property.id], words)
          let difference = json["differences"]?.elements.first
          #expect(json["differences"]?.elements.count == 1, words)
          #expect(difference?["kind"] == .string("changed"), words)
          #expect(
            difference?["linear"] == .string("0x\(String(base.pages[index].linear, radix: 16))"),
            words)
        } else {
          #expect(exitCode == 0 && json["differences"] == .array([]), words)
          #expect(Self.notCompared(json).contains(property.id), words)
        }
      }
      // Nothing else is ever reported as not compared.
      let others = RangeProperty.allCases.filter { first.unsaid($0) || second.unsaid($0) }
      #expect(Self.notCompared(same.json) == Set(others.map(\.id)))
    }
  }

  @Test("Of each pair of sides, a page more and a page less", arguments: pairs)
  func pages(_ first: SourceKind, _ second: SourceKind) throws {
    let base = ComparedPages.base
    for index in base.pages.indices {
      var fewer = base
      let page = fewer.pages.remove(at: index)
      let (whole, part) = (try base.file(first), try fewer.file(second))
      let removed = try Self.report(whole, part)
      let added = try Self.report(try fewer.file(first), try base.file(second))
      for (report, kind) in [(removed, "removed"), (added, "added")] {
        #expect(report.exitCode == 1)
        let differences = report.json["differences"]?.elements ?? []
        #expect(differences.map { $0["kind"] } == [.string(kind)])
        #expect(
          differences.first?["linear"] == .string("0x\(String(page.linear, radix: 16))"))
      }
    }
  }

  @Test("The PAT bit is told by images, files, and a ptdump of small pages", arguments: pairs)
  func patBit(_ first: SourceKind, _ second: SourceKind) throws {
    let pat = PATArgument(value: PATArgument.linux)
    var base = ComparedPages.base
    for index in base.pages.indices { base.pages[index].patIndex = 1 }
    for index in [0, 2] {
      var changed = base
      changed.pages[index].patIndex = 5
      let sides = [first, second]
      let isUnsaid = sides.contains(.tlb) || index == 0 && sides.contains(.ptdump)
      let old = try base.file(first, pat: pat)
      let new = try changed.file(second, pat: pat)
      let namesTypes = sides != [.file, .file]
      let (exitCode, json) = try Self.report(old, new, namesTypes ? ["--pat", "linux"] : [])
      #expect(exitCode == (isUnsaid ? 0 : 1), "page \(index): \(json)")
      let isPart = sides.contains(.tlb) || sides.contains(.ptdump)
      #expect(Self.notCompared(json).contains("memory-type") == isPart, "\(json)")
    }
  }

  @Test("--ignore leaves a property out of every comparison and says so", arguments: pairs)
  func ignored(_ first: SourceKind, _ second: SourceKind) throws {
    let base = ComparedPages.base
    let old = try base.file(first)
    for property in RangeProperty.allCases {
      guard let changed = base.changed(0, property) else { continue }
      let new = try changed.file(second)
      var arguments = ["diff", old.path, new.path, "--ignore", property.id]
      if first == .image || second == .image { arguments += ["--cr3", ComparedPages.root] }
      let run = try ProgramRun(arguments)
      if first.unsaid(property) || second.unsaid(property) {
        #expect(run.exitCode == 64 && run.errors.contains("does not say"), "\(run.errors)")
      } else {
        #expect(run.exitCode == 0, "\(property): \(run.output)\(run.errors)")
        #expect(run.output.contains("not compared: \(property.words), by --ignore\n"))
      }
    }
  }
}
