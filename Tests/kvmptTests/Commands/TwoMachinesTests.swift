// verify on two machines, from outside.

import TestHosts
import Testing

@testable import kvmpt

@Suite(
  "verify asks two machines",
  .enabled(if: Host.hasKVM && Host.hasQEMU, "needs /dev/kvm and qemu-system-x86_64"))
struct TwoMachinesTests {
  private static func machines(_ run: ProgramRun) throws -> JSONValue {
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    return try #require(report["machines"])
  }

  @Test("Every example is proved by --machine auto", arguments: PackageFiles.examples)
  func examples(_ name: String) throws {
    let run = try ProgramRun(
      ["verify", MainJobTests.example(name), "--machine", "auto"],
      environment: [QEMURunTests.path])
    // QEMU sets A of a 1 GiB page that does not allow the access, which a rule excuses.
    if run.exitCode == 77 {
      #expect(name == "mixed-page-sizes.yaml" && run.output.contains("[explained]"))
      // What is left was left by QEMU, and is counted in entries.
      #expect(run.output.contains(/unproved: \d+ entr(y|ies), an access .* sets A/))
      #expect(run.output.contains("[explained]; what would prove it: --machine kvm, on a host"))
      let allowed = try ProgramRun(
        [
          "verify", MainJobTests.example(name), "--machine", "auto", "--allow-unproved",
          "explained",
        ], environment: [QEMURunTests.path])
      #expect(allowed.exitCode == 0, "\(allowed.output)\(allowed.errors)")
      return
    }
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains("\nagreed: "))
  }

  @Test("Without QEMU the rest is unproved, and the report says why")
  func withoutEmulator() throws {
    let file = MainJobTests.example("mixed-page-sizes.yaml")
    let alone = try ProgramRun(["verify", file])
    let run = try ProgramRun(["verify", file, "--machine", "auto", "--qemu", "/no/such/program"])
    #expect(run.exitCode == alone.exitCode)
    // A host that has 1 GiB pages leaves nothing to ask.
    #expect(run.output.contains("QEMU, which could not be asked: ") == (alone.exitCode == 77))
  }

  @Test("--machine kvm,qemu asks both about everything")
  func both() throws {
    let file = MainJobTests.example("user-process.yaml")
    let run = try ProgramRun(
      ["verify", file, "--machine", "kvm,qemu", "--format", "json"],
      environment: [QEMURunTests.path])
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    let machines = try Self.machines(run)
    let asked = try #require(machines["asked"]?.elements)
    #expect(asked.count == 2)
    let counts = asked.map { $0["probes"]?["executed"]?.number ?? 0 }
    #expect(counts[0] > 0 && counts[0] == counts[1])
    #expect(machines["differences"] == .integer(0))
  }

  @Test("--machine kvm,qemu without QEMU is refused, not half done")
  func bothWithoutEmulator() throws {
    let file = MainJobTests.example("user-process.yaml")
    let run = try ProgramRun(
      ["verify", file, "--machine", "kvm,qemu", "--qemu", "/no/such/program"])
    #expect(run.exitCode == 69)
    #expect(run.errors.contains("/no/such/program"))
  }
}
