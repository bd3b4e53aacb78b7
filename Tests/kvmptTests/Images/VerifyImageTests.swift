// kvmpt verify about memory images: its reports, its expectations and its refusals.

import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("The tables of a memory image are proved from the command line")
struct VerifyImageTests {
  static let core = LinuxCaseTests.core
  static let examples = "\(PackageFiles.root)/Examples"
  static let listing = "\(PackageFiles.root)/\(LinuxCaseTests.listing)"

  /// A small image that every machine can run, as raw memory with the root at 0x1000.
  static func small() throws -> ImageFile {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user, .noExecute])
    image.map(0x40_1000, to: 0x10_1000, [.present, .user])
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 2 << 20)
    return file
  }

  @Test(
    "Every mapping of the Linux core that the machine can reach is proved, and the rest is said",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: [nil, listing])
  func linux(_ expected: String?) throws {
    let run = try ProgramRun(
      ["verify", Self.core, "--format", "json"] + (expected.map { ["--expect", $0] } ?? []))
    // The fixture holds the tables only, so there is no memory to fetch from.
    #expect(run.exitCode == 77, "\(run.errors)")
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("unproved"))
    #expect(
      report["unproved"]?.elements.map { $0["id"] } == [.string("fetch-without-memory")])
    let allowed = try ProgramRun(
      ["verify", Self.core, "--allow-unproved", "fetch-without-memory"]
        + (expected.map { ["--expect", $0] } ?? []))
    #expect(allowed.exitCode == 0, "\(allowed.errors)")
    #expect(
      report["answers"]?.elements
        == (expected == nil ? [] : [.string("asked")]) + [.string("modelled"), .string("executed")])
    let pages = try #require(report["pages"]?.elements)
    let leaves = pages.reduce(0) { sum, kind in
      if case .integer(let count)? = kind["count"] { sum + count } else { sum }
    }
    #expect(leaves == (try PackageFiles.bytes(of: LinuxCaseTests.listing).count { $0 == 0x0a }))
    guard case .object(let notRun)? = report["probes"]?["not-run"] else {
      Issue.record("no reasons")
      return
    }
    #expect(Set(notRun.keys) == ["fetch-without-memory"])
  }

  @Test(
    "A listing that says something else disagrees, at the address that it is about",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func changedListing() throws {
    let text = String(decoding: try PackageFiles.bytes(of: LinuxCaseTests.listing), as: UTF8.self)
    let changed = try TemporaryFile(
      text.replacing(
        "ffff888000001000: 0000000000001000 ", with: "ffff888000001000: 0000000000009000 "))
    let run = try ProgramRun(["verify", Self.core, "--expect", changed.path])
    #expect(run.exitCode == 1)
    #expect(run.output.contains("disagreement at 0xffff_8880_0000_1"), "\(run.output)")
    #expect(run.output.contains("asked     success at physical 0x9000, if the entries above"))
  }

  @Test("Without KVM nothing is passed: the model alone proves nothing")
  func modelOnly() throws {
    let image = try Self.small()
    let arguments = ["verify", image.path, "--cr3", "0x1000", "--kvm-device", "/no/such/device"]
    #expect(try ProgramRun(arguments).exitCode == 69)
    let run = try ProgramRun(arguments + ["--if-no-kvm", "model", "--format", "json"])
    #expect(run.exitCode == 77)
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("unproved"))
    #expect(report["answers"]?.elements == [.string("modelled")])
    let skipped = try ProgramRun(arguments + ["--if-no-kvm", "skip", "--format", "json"])
    #expect(skipped.exitCode == 77)
    #expect(
      try VerificationReportTests.schema().violations(of: JSONValue(json: skipped.output)) == [])
  }

  @Test("A ptdump says what is expected, here with the model as the only other answer")
  func ptdump() throws {
    let image = try Self.small()
    func run(_ rights: String, _ format: String) throws -> ProgramRun {
      let file = try TemporaryFile(
        """
        ---[ User Space ]---
        0x0000000000400000-0x0000000000401000           4K     USR RW  NX pte
        0x0000000000401000-0x0000000000402000           4K     USR \(rights)  x  pte
        """)
      return try ProgramRun([
        "verify", image.path, "--cr3", "0x1000", "--expect", file.path, "--if-no-kvm", "model",
        "--kvm-device", "/no/such/device", "--format", format,
      ])
    }
    #expect(try run("ro", "text").exitCode == 77)
    let wrong = try run("RW", "json")
    #expect(wrong.exitCode == 1)
    #expect(
      try VerificationReportTests.schema().violations(of: JSONValue(json: wrong.output)) == [])
    let cases = try run("RW", "junit")
    #expect(cases.output.contains("type=\"different\""), "\(cases.output)")
    let tap = try run("ro", "tap").output
    #expect(tap.hasPrefix("TAP version 14\n"))
  }

  @Test("What a ptdump leaves out is not compared, and is neither asked for nor denied")
  func skippedEntries() throws {
    let image = try Self.small()
    func run(_ last: String) throws -> ProgramRun {
      let file = try TemporaryFile(
        "0x0000000000400000-0x0000000000401000 4K USR RW NX pte\n" + last)
      return try ProgramRun([
        "verify", image.path, "--cr3", "0x1000", "--expect", file.path, "--if-no-kvm", "model",
        "--kvm-device", "/no/such/device", "--format", "json",
      ])
    }
    let skipped = try run("... 1 entry skipped ...\n")
    #expect(skipped.exitCode == 77, "\(skipped.output)")
    #expect(skipped.output.contains("\"write\": 1"), "\(skipped.output)")
    #expect(try run("").exitCode == 1)
  }

  @Test(
    "What cannot be proved is refused with its cause and its cure",
    arguments: [
      (["verify", core, "--expect", "/no/such/file"], 65, "No such file"),
      (["verify", core, "--expect", core], 65, "give an address-space file"),
      (["verify", "\(examples)/minimal.json", "--expect", listing], 64, "--cr3"),
      (["verify", core, "--expect", "\(examples)/five-level.yaml"], 65, "levels"),
    ] as [([String], Int32, String)])
  func refusals(_ arguments: [String], _ code: Int32, _ words: String) throws {
    let run = try ProgramRun(arguments)
    #expect(run.exitCode == code, "\(run.errors)")
    #expect(run.errors.contains(words), "\(run.errors)")
  }
}
