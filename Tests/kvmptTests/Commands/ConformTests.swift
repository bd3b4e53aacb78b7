// kvmpt conform and merge on the built program: shards, resuming, and machine profiles.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite(
  "conform compares the machine with the manual, in one run or in many", .serialized,
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ConformTests {
  static func schema(_ name: String) throws -> JSONSchema {
    JSONSchema(root: try JSONValue(json: DocumentationTests.text("Schemas/\(name).schema.json")))
  }

  @Test("The schemas are sound, and do not fit everything")
  func schemas() throws {
    for name in ["conformance", "machine-profile"] {
      let schema = try Self.schema(name)
      #expect(schema.defects() == [])
      for text in ["{}", #"{"schema": "urn:kvmpt:schema:\#(name):2", "version": "0.1.0"}"#] {
        #expect(try schema.violations(of: JSONValue(json: text)) != [])
      }
    }
  }

  @Test("Two shards, one interrupted and resumed, make up one report with a machine profile")
  func shards() throws {
    let files = try [TemporaryFile(), TemporaryFile()]
    defer { withExtendedLifetime(files) {} }
    for (index, file) in files.enumerated() {
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      unsafe unlink(file.path)
      let arguments = ["conform", "--shard", "\(index + 1)/2", "--resume", file.path]
      if index == 0 {
        // The first is stopped before its end, and goes on. A busy host may need more time until there
        // is anything to keep.
        for limit in ["1500ms", "10s", "1m", "10m"]
        where unsafe access(file.path, F_OK) != 0 {
          let stopped = try ProgramRun(arguments + ["--timeout", limit])
          #expect([0, 124].contains(stopped.exitCode), "\(stopped.errors)")
        }
        let kept = try JSONValue(json: file.text())
        #expect(try Self.schema("conformance").violations(of: kept) == [])
      }
      let run = try ProgramRun(arguments + ["--format", "json"])
      #expect(run.exitCode == 0, "\(run.output) \(run.errors)")
      let report = try JSONValue(json: run.output)
      #expect(try Self.schema("conformance").violations(of: report) == [])
      #expect(report["complete"] == .bool(true))
    }
    let profile = try TemporaryFile()
    let merged = try ProgramRun(
      ["merge", files[0].path, files[1].path, "--format", "json", "--write-profile", profile.path])
    #expect(merged.exitCode == 0, "\(merged.errors)")
    let report = try JSONValue(json: merged.output)
    #expect(try Self.schema("conformance").violations(of: report) == [])
    #expect(report["complete"] == .bool(true))
    #expect(report["blocks"] == report["profile-blocks"])
    let machine = try JSONValue(json: profile.text())
    #expect(try Self.schema("machine-profile").violations(of: machine) == [])
    #expect(machine["rules"]?.elements.count == report["rules"]?.elements.count)
    let verified = try ProgramRun([
      "verify", "\(PackageFiles.root)/Examples/canonical-edges.yaml", "--machine-profile",
      profile.path, "--allow-unproved", "explained",
    ])
    #expect(verified.exitCode == 0, "\(verified.output)")
  }

  @Test("Results that do not belong together, or are none, are refused")
  func refused() throws {
    let text = #"{"schema": "urn:kvmpt:schema:conformance:2", "version": "0.1.0"}"#
    let file = try TemporaryFile(text)
    let junk = try TemporaryFile("{\"schema\": ")
    for arguments in [
      ["merge", file.path], ["merge", junk.path], ["merge", "/no/such/file"],
      ["conform", "--resume", file.path],
      ["verify", "\(PackageFiles.root)/Examples/minimal.json", "--machine-profile", file.path],
    ] {
      let run = try ProgramRun(arguments)
      #expect(run.exitCode == 65, "\(arguments) \(run.errors)")
      #expect(run.errors.contains("hint:"))
    }
  }
}
