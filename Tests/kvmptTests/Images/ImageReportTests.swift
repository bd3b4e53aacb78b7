// The reports about images: held against their schemas, and the commands that compare and count.

import Testing

@testable import kvmpt

@Suite("The reports about images fit their schemas")
struct ImageReportTests {
  static let core = LinuxCaseTests.core
  static let listing = "\(PackageFiles.root)/\(LinuxCaseTests.listing)"

  static let commands: [[String]] = [
    ["dump", core], ["walk", core, "0xffff_ffff_8100_0000", "0x1000"], ["stats", core],
    ["explain", core, "0xffff_8880_0000_1000", "--access", "write", "--cpl", "3"],
    ["explain", core, "--error-code", "0x5", "--cr2", "0x1000"], ["aliases", core],
    ["audit", core], ["diff", core, listing],
    ["diff", core, "\(PackageFiles.root)/Examples/minimal.json"],
  ]

  @Test("Every JSON report fits its schema, which is sound", arguments: commands)
  func fits(_ arguments: [String]) throws {
    let name = arguments.first ?? ""
    let schema = JSONSchema(
      root: try JSONValue(json: DocumentationTests.text("Schemas/\(name).schema.json")))
    #expect(schema.defects() == [])
    let run = try ProgramRun(arguments + ["--format", "json"])
    #expect(run.exitCode < 2, "\(run.errors)")
    #expect(try schema.violations(of: JSONValue(json: run.output)) == [])
  }

  @Test("An audit fails on findings, and not on those that are accepted with a reason")
  func allowList() throws {
    #expect(try ProgramRun(["audit", Self.core]).exitCode == 1)
    #expect(try ProgramRun(["audit", Self.core, "--fail-on", "error"]).exitCode == 0)
    let accepted = try TemporaryFile("# boot\nwritable-and-executable * init text, freed later\n")
    let run = try ProgramRun(["audit", Self.core, "--allow", accepted.path])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("accepted: init text, freed later"))
    let wrong = try TemporaryFile("writable-and-executible * a reason\n")
    let refused = try ProgramRun(["audit", Self.core, "--allow", wrong.path])
    #expect(refused.exitCode == 65)
    #expect(refused.errors.contains("did you mean 'writable-and-executable'?"))
  }

  @Test("SARIF has a tool, its rules, and results that refer to them")
  func sarif() throws {
    let report = try JSONValue(
      json: ProgramRun(["audit", Self.core, "--format", "sarif"]).output)
    let schema = JSONSchema(
      root: try JSONValue(
        json: DocumentationTests.text(
          "Tests/kvmptTests/Schema/sarif-2.1.0-subset.schema.json")))
    #expect(schema.defects() == [])
    #expect(schema.violations(of: report) == [])
    let accepted = try TemporaryFile("writable-and-executable * a reason\n")
    let suppressed = try ProgramRun(
      ["audit", Self.core, "--format", "sarif", "--allow", accepted.path])
    #expect(suppressed.output.contains("\"justification\": \"a reason\""))
    #expect(try schema.violations(of: JSONValue(json: suppressed.output)) == [])
    #expect(report["version"] == .string("2.1.0"))
    let run = try #require(report["runs"]?.elements.first)
    let rules = try #require(run["tool"]?["driver"]?["rules"]?.elements)
    let results = try #require(run["results"]?.elements)
    #expect(!results.isEmpty)
    for result in results {
      guard case .integer(let index)? = result["ruleIndex"] else {
        Issue.record("a result without rule")
        continue
      }
      #expect(rules[index]["id"] == result["ruleId"])
      #expect(result["message"]?["text"] != nil)
      #expect(result["locations"]?.elements.first?["physicalLocation"] != nil)
    }
  }

  @Test("JUnit has a case for each rule, and fails those with findings")
  func junit() throws {
    let output = try ProgramRun(["audit", Self.core, "--format", "junit"]).output
    #expect(output.contains("tests=\"20\" failures=\"1\""))
    #expect(output.contains("type=\"writable-and-executable\""))
  }

  @Test("A core and QEMU's listing of the same moment do not differ; a changed line does")
  func differences() throws {
    let same = try ProgramRun(["diff", Self.core, Self.listing])
    #expect(same.exitCode == 0, "\(same.output)\(same.errors)")
    #expect(
      same.output == """
        not compared: the protection key, in 112 ranges
        not compared: software's bits, in 112 ranges
        0 differences

        """)
    let text = String(decoding: try PackageFiles.bytes(of: LinuxCaseTests.listing), as: UTF8.self)
    let changed = try TemporaryFile(
      text.replacing(
        "ffff888000001000: 0000000000001000 XG-DA---W",
        with: "ffff888000001000: 0000000000009000 -G-DA----"))
    let other = try ProgramRun(["diff", Self.core, changed.path])
    #expect(other.exitCode == 1)
    #expect(other.output.contains("1 difference\n"))
    #expect(
      other.output.contains("! 0xffff_8880_0000_1000 to 0xffff_8880_0000_1fff: rw- at 0x1000"))
    #expect(other.output.contains("-> r-x at 0x9000"))
  }
}
