// kvmpt doctor on the built program: what it finds, and every fault of a device.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("doctor says what this machine can prove, and what would fix what is missing")
struct DoctorTests {
  static func schema() throws -> JSONSchema {
    JSONSchema(root: try JSONValue(json: DocumentationTests.text("Schemas/doctor.schema.json")))
  }

  @Test("The schema is sound, and does not fit everything")
  func schemaIsSound() throws {
    #expect(try Self.schema().defects() == [])
    for text in ["{}", #"{"schema": "urn:kvmpt:schema:doctor:2", "verdict": "ready"}"#] {
      #expect(try Self.schema().violations(of: JSONValue(json: text)) != [])
    }
  }

  @Test(
    "Every feature and every means is tried on a real guest",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func examination() throws {
    let run = try ProgramRun(["doctor", "--format", "json"])
    #expect(run.exitCode == 0, "\(run.output) \(run.errors)")
    let report = try JSONValue(json: run.output)
    #expect(try Self.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("ready"))
    let features = try #require(report["features"]).elements
    #expect(Set(features.compactMap { $0["id"]?.text }).count == 8)
    for feature in features {
      #expect((feature["trial"] == .string("works")) == (feature["fix"] == nil))
      if ["nx", "wp"].contains(feature["id"]?.text) {
        #expect(feature["trial"] == .string("works"))
      }
    }
    let edits = try #require(report["host-edits"]).elements
    #expect(edits.count == 6)
    let used = edits.filter { $0["used"] == .bool(true) }
    #expect(used.count == 2)
    for edit in used { #expect(edit["seen"] == edit["probed"]) }
  }

  @Test(
    "The text names the walker and ends with the verdict",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func text() throws {
    let run = try ProgramRun(["doctor"])
    #expect(run.exitCode == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("the tables are walked by "))
    #expect(run.output.contains("used by verify"))
    #expect(run.output.hasSuffix("\nready: this machine can prove page tables\n"))
  }

  @Test(
    "Each fault of a device has its own message and fix",
    arguments: [
      ("/no/such/device", "no-kvm-device", "there is no KVM device at"),
      ("/dev/null/kvm", "no-kvm-device", "there is no KVM device at"),
      ("/dev/null", "not-kvm", "is a device, and not KVM"),
      ("/dev/zero", "not-kvm", "is a device, and not KVM"),
      ("/tmp", "not-a-device", "is not a device"),
      ("FILE", "not-a-device", "is not a device"),
    ])
  func faults(_ given: String, _ id: String, _ message: String) throws {
    let file = try TemporaryFile("text")
    try expectFault(given == "FILE" ? file.path : given, id, message)
  }

  @Test("A device that may not be opened tells how to get permission")
  func permission() throws {
    // Not even root may write to it.
    try expectFault("/sys/kernel/uevent_seqnum", "kvm-permission-denied", "no permission to open")
  }

  private func expectFault(_ path: String, _ id: String, _ message: String) throws {
    let text = try ProgramRun(["doctor", "--kvm-device", path])
    #expect(text.exitCode == 69)
    #expect(text.output.hasPrefix("not ready: ") && text.output.contains(message), "\(text.output)")
    #expect(text.output.contains(path) && text.output.contains("\n  fix: "))
    let json = try ProgramRun(["doctor", "--format", "json", "--kvm-device", path])
    #expect(json.exitCode == 69)
    let report = try JSONValue(json: json.output)
    #expect(try Self.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("no-kvm"))
    #expect(report["problem"]?["id"] == .string(id))
    let verify = try ProgramRun([
      "verify", "\(PackageFiles.root)/Examples/minimal.json", "--kvm-device", path,
    ])
    #expect(verify.exitCode == 69 && verify.output.isEmpty)
    #expect(verify.errors.contains(message) && verify.errors.contains("\n  hint: "))
  }
}
