// The reports of verify, held against their schema.

import Testing

@testable import kvmpt

@Suite("The report of verify fits its schema")
struct VerificationReportTests {
  static func schema() throws -> JSONSchema {
    JSONSchema(
      root: try JSONValue(json: DocumentationTests.text("Schemas/verification.schema.json")))
  }

  /// Without KVM, the model alone answers: the report has the same form.
  static func report(on path: String, _ arguments: String...) throws -> (Int32, JSONValue) {
    let run = try ProgramRun(
      ["verify", path, "--format", "json", "--if-no-kvm", "model"] + arguments)
    return (run.exitCode, try JSONValue(json: run.output))
  }

  @Test("The schema is sound")
  func schemaIsSound() throws {
    #expect(try Self.schema().defects() == [])
  }

  @Test(
    "The reports about the examples fit, on the machine at hand", arguments: PackageFiles.examples)
  func examples(_ name: String) throws {
    let (code, report) = try Self.report(on: "\(PackageFiles.root)/Examples/\(name)")
    #expect(try Self.schema().violations(of: report) == [])
    let isProved = report["unproved"]?.elements.isEmpty == true
    #expect(code == (isProved ? 0 : 77))
    #expect(report["verdict"] == .string(isProved ? "agreement" : "unproved"))
  }

  @Test("A report of the model alone fits, and does not claim that anything was executed")
  func modelOnly() throws {
    let (code, report) = try Self.report(
      on: "\(PackageFiles.root)/Examples/aliases.yaml", "--kvm-device", "/no/such/device")
    #expect(code == 77)
    #expect(try Self.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("unproved"))
    #expect(report["unproved"]?.elements.map { $0["id"] } == [.string("no-machine")])
    #expect(report["probes"]?["executed"] == .integer(0))
    #expect(report["machine"] == .null)
  }

  @Test("A report of a disagreement fits, and says who disagrees and why")
  func disagreement() throws {
    let file = try TemporaryFile(
      "memory: 4MiB\nmappings: [{linear: 0x1000, size: 4KiB, rights: r--}]\n"
        + "expect: [{address: 0x1000, access: write, cpl: 0, outcome: success}]\n")
    let (code, report) = try Self.report(on: file.path)
    #expect(code == 1)
    #expect(try Self.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("disagreement"))
    let disagreement = try #require(report["disagreements"]?.elements.first)
    #expect(disagreement["pairs"]?.elements.contains(.string("asked-modelled")) == true)
    #expect(disagreement["walk"]?.elements.count == 4)
    #expect(disagreement["blame"]?["level"] == .integer(1))
    #expect(disagreement["address"] == .string("0x1000"))
  }

  @Test("A skipped run has a report, too")
  func skipped() throws {
    let run = try ProgramRun([
      "verify", "\(PackageFiles.root)/Examples/minimal.json", "--format", "json", "--if-no-kvm",
      "skip", "--kvm-device", "/no/such/device",
    ])
    #expect(run.exitCode == 77)
    #expect(try Self.schema().violations(of: JSONValue(json: run.output)) == [])
  }

  @Test("A report that says something else does not fit")
  func brokenReports() throws {
    for text in [
      "{}", "null", #"{"schema": "urn:kvmpt:schema:verification:2", "verdict": "skipped"}"#,
    ] {
      #expect(try Self.schema().violations(of: JSONValue(json: text)) != [])
    }
  }
}
