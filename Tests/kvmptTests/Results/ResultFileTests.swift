// Result files whose parts contradict each other are refused, with the place.

import Glibc
import Probe
import TestHosts
import Testing

@testable import kvmpt

@Suite(
  "A result file is checked whole", .serialized,
  .enabled(if: Host.hasKVM || Host.hasQEMU, "needs /dev/kvm or QEMU, for a file to begin with"))
struct ResultFileTests {
  private static let machine = Host.hasKVM ? [] : ["--machine", "qemu"]

  private func report() throws -> String {
    let run = try ProgramRun(
      ["conform", "--shard", "1/400", "--format", "json"] + Self.machine)
    try #require(run.exitCode == 0, "\(run.errors)")
    return run.output
  }

  /// The number that a member at the top has.
  private func number(_ name: String, in text: String) throws -> Int {
    let report = try JSONValue(json: text)
    guard case .integer(let number)? = report[name] else { throw MissingMember(name: name) }
    return number
  }

  private struct MissingMember: Error { let name: String }

  @Test("Sums, ranges, shards, versions and machines that cannot be are 65 with their place")
  func contradictions() throws {
    let text = try report()
    let cases = try number("cases", in: text)
    let agreed = try number("agreed", in: text)
    let blocks = try number("profile-blocks", in: text)
    for (old, new, place) in [
      ("\"agreed\": \(agreed)", "\"agreed\": \(agreed - 1)", "'agreed'"),
      ("\"cases\": \(cases)", "\"cases\": \(cases + 7)", "'cases'"),
      ("\"agreed\": \(agreed)", "\"agreed\": \(Int.max)", "'agreed'"),
      ("\"cases\": \(cases)", "\"cases\": -1", "'cases'"),
      ("\"profile-blocks\": \(blocks)", "\"profile-blocks\": \(blocks + 400)", "'profile-blocks'"),
      ("\"number\": 1", "\"number\": 401", "'shard'"),
      ("\"number\": 1", "\"number\": 2", "'finished-blocks'"),
      ("\"complete\": true", "\"complete\": false", "'complete'"),
      ("\"agreement\": true", "\"agreement\": false", "'agreement'"),
      ("\"version\": \"\(Version.current)\"", "\"version\": \"0.0.0\"", "'version'"),
      ("\"physical-address-bits\": 48", "\"physical-address-bits\": 77", "'machine."),
    ] {
      guard text.contains(old) else {
        #expect(old.contains("physical"), "\(old) is not in the report")
        continue
      }
      let file = try TemporaryFile(text.replacing(old, with: new, maxReplacements: 1))
      for arguments in [
        ["merge", file.path],
        ["conform", "--shard", "1/400", "--resume", file.path] + Self.machine,
      ] {
        let run = try ProgramRun(arguments)
        #expect(run.exitCode == 65, "\(new): \(run.exitCode) \(run.output)")
        #expect(run.errors.contains(place), "\(new): \(run.errors)")
      }
    }
  }

  @Test(
    "Counts that cancel, and one shard that is said to be all, are refused; alone it is incomplete")
  func impossible() throws {
    let text = try report()
    let cases = try number("cases", in: text)
    let agreed = try number("agreed", in: text)
    let cancelled = text.replacing("\"cases\": \(cases)", with: "\"cases\": \(cases + 9)")
      .replacing("\"agreed\": \(agreed)", with: "\"agreed\": \(agreed + 9)")
    let whole = text.replacing("\"count\": 400", with: "\"count\": 1", maxReplacements: 1)
    for changed in [cancelled, whole] {
      #expect(changed != text)
      let file = try TemporaryFile(changed)
      let run = try ProgramRun(["merge", file.path])
      #expect(run.exitCode == 65, "\(run.output) \(run.errors)")
    }
    // One of many shards is no agreement about all.
    let file = try TemporaryFile(text)
    let run = try ProgramRun(["merge", file.path])
    #expect(run.exitCode == 77 && run.output.contains("incomplete"), "\(run.output) \(run.errors)")
    let twice = try ProgramRun(["merge", file.path, file.path])
    #expect(twice.exitCode == 65, "\(twice.output)")
  }

  @Test("A baseline without the machine's rules ends conform with 1; one that is written, with 0")
  func baselines() throws {
    let empty = try TemporaryFile(#"{"schema": "urn:kvmpt:schema:baseline:1", "machines": []}"#)
    let written = try TemporaryFile()
    let arguments = ["conform"] + (Host.hasKVM ? [] : ["--machine", "qemu", "--shard", "1/20"])
    let new = try ProgramRun(
      arguments + ["--baseline", empty.path, "--write-baseline", written.path])
    let known = try ProgramRun(arguments + ["--baseline", written.path])
    #expect(known.exitCode == 0, "\(known.output)")
    if new.output.contains("by a rule") || new.output.contains("NEW rule") {
      #expect(new.exitCode == 1 && new.output.contains("NEW rule"), "\(new.output)")
    }
    #expect(new.output.contains("the baseline knows no machine"), "\(new.output)")
    let schema = try ConformTests.schema("baseline")
    #expect(schema.defects() == [])
    #expect(try schema.violations(of: JSONValue(json: written.text())) == [])
  }

  @Test("A profile of another kind of machine is refused; one of another version warns")
  func profiles() throws {
    let file = try TemporaryFile()
    let made = try ProgramRun(
      ["conform", "--shard", "1/400", "--write-profile", file.path] + Self.machine)
    try #require(made.exitCode == 0, "\(made.errors)")
    let text = try file.text()
    let profile = try JSONValue(json: text)
    let example = "\(PackageFiles.root)/Examples/minimal.json"
    let vendor = try #require(profile["machine"]?["vendor"]?.text)
    let walker = try #require(profile["machine"]?["walker"]?.text)
    for (old, new) in [
      ("\"vendor\": \"\(vendor)\"", "\"vendor\": \"\(vendor == "amd" ? "intel" : "amd")\""),
      ("\"walker\": \"\(walker)\"", "\"walker\": \"ept\""),
      ("\"physical-address-bits\": ", "\"physical-address-bits\": 3"),
    ] {
      try #require(text.contains(old), "\(text)")
      let changed = try TemporaryFile(text.replacing(old, with: new, maxReplacements: 1))
      let run = try ProgramRun(
        ["verify", example, "--machine-profile", changed.path] + Self.machine)
      #expect(run.exitCode == 65 && run.errors.contains("machine."), "\(new): \(run.errors)")
    }
    let member = Host.hasKVM ? "kernel" : "program-version"
    let value = try #require(profile["machine"]?[member]?.text)
    let older = try TemporaryFile(text.replacing("\"\(value)\"", with: "\"1.2.3\""))
    let warned = try ProgramRun(
      ["verify", example, "--machine-profile", older.path] + Self.machine)
    #expect(warned.output.contains("another version"), "\(warned.output) \(warned.errors)")
  }
}
