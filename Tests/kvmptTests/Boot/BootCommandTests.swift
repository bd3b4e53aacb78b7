// kvmpt boot, as a user runs it.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("kvmpt boot says how a kernel ended, and why")
struct BootCommandTests {
  private static let path = ["PATH=/usr/local/bin:/usr/bin:/bin"]

  static var machines: [String] {
    (Host.hasKVM ? ["kvm"] : []) + (Host.hasQEMU ? ["qemu"] : [])
  }

  private func run(
    _ kind: BootKernelFiles.Kind, _ arguments: [String], meanwhile: (pid_t) -> Void = { _ in }
  ) throws -> ProgramRun {
    try ProgramRun(
      ["boot", BootKernelFiles.shared[kind]] + arguments, environment: Self.path,
      meanwhile: meanwhile)
  }

  @Test("Success is 0, and only what the guest itself said", arguments: machines)
  func success(_ machine: String) throws {
    let good = try run(.good, ["--machine", machine])
    #expect(good.exitCode == 0, "\(good.errors)")
    #expect(good.output.contains("the guest reported success with 0x10"))
    let other = try run(.good, ["--machine", machine, "--success-exit", "0x11"])
    #expect(other.exitCode == 1)
    #expect(other.output.contains("the guest reported a failure with 0x10"))
  }

  @Test("A kernel that dies is 1, with the cause, the symbol and the bit", arguments: machines)
  func cause(_ machine: String) throws {
    let died = try run(.parent, ["--machine", machine])
    #expect(died.exitCode == 1, "\(died.errors)")
    // kvm_amd sets the processor back at a triple fault.
    if machine == "kvm", died.output.contains("its registers are gone") {
      #expect(died.output.contains("triple fault") && !died.output.contains("cause: parent-denies"))
      return
    }
    for words in [
      "triple fault", "cause: parent-denies", "on_new_root+0xa",
      "bit 1 (R/W) is clear in the PDE at 0x202008 (level 2, index 1)",
      "set bit 1 (R/W) in the PDE at 0x202008", "the IDT at 0x0 has the limit 0x0",
    ] { #expect(died.output.contains(words), "\(words)") }
  }

  @Test("A fault for ever is 1 long before the time limit", arguments: machines)
  func endless(_ machine: String) throws {
    let found = try run(.endless, ["--machine", machine, "--timeout", "30m"])
    #expect(found.exitCode == 1)
    #expect(found.output.contains("one fault for ever"))
    #expect(found.output.contains("cause: data-not-mapped"))
  }

  @Test("A kernel that runs on is 124", arguments: machines)
  func timeLimit(_ machine: String) throws {
    let found = try run(.loops, ["--machine", machine, "--timeout", "200ms"])
    #expect(found.exitCode == 124)
    #expect(found.output.contains("the time limit came first"))
  }

  @Test("Control-C is 130, with the report", arguments: machines)
  func interrupted(_ machine: String) throws {
    let found = try run(.loops, ["--machine", machine, "--timeout", "30m"]) { id in
      usleep(500_000)
      kill(id, SIGINT)
    }
    #expect(found.exitCode == 130)
    #expect(found.output.contains("interrupted"))
  }

  @Test("What the guest prints stands in the report, or in its file", arguments: machines)
  func serial(_ machine: String) throws {
    let shown = try run(.prints, ["--machine", machine])
    #expect(shown.output.contains("the guest wrote:\n  hello, ::world\n"))
    let file = try TemporaryFile()
    let kept = try run(.prints, ["--machine", machine, "--serial", file.path])
    #expect(kept.exitCode == 0)
    #expect(try file.text() == "hello, ::world\n")
    #expect(!kept.output.contains("hello"))
  }

  @Test("Every JSON report fits its schema, which is sound", arguments: machines)
  func schema(_ machine: String) throws {
    let schema = JSONSchema(
      root: try JSONValue(json: DocumentationTests.text("Schemas/boot.schema.json")))
    #expect(schema.defects() == [])
    for kind in [BootKernelFiles.Kind.good, .parent, .endless, .prints, .loops] {
      let run = try run(kind, ["--machine", machine, "--timeout", "2s", "--format", "json"])
      #expect(try schema.violations(of: JSONValue(json: run.output)) == [], "\(kind)")
    }
    let report = try JSONValue(
      json: run(.parent, ["--machine", machine, "--format", "json"]).output)
    #expect(report["success"] == .bool(false))
    // kvm_amd sets the processor back at a triple fault.
    if machine == "kvm", report["cause"]?["id"] == .string("unknown") { return }
    #expect(report["cause"]?["id"] == .string("parent-denies"))
    #expect(report["blame"]?["level"] == .integer(2))
    #expect(report["blame"]?["bits"] == .string("0x2"))
  }

  @Test(
    "A kernel that waits for an interrupt is not at fault under KVM, and goes on with QEMU",
    .enabled(if: Host.hasKVM && Host.hasQEMU, "needs both machines"))
  func waiting() throws {
    let alone = try run(.waits, ["--machine", "kvm"])
    #expect(alone.exitCode == 69, "\(alone.output)")
    #expect(alone.output.contains("HLT on a machine that has no interrupts"))
    let both = try run(.waits, ["--timeout", "500ms"])
    #expect(both.exitCode == 124, "\(both.output)")
    #expect(both.output.contains("waits for an interrupt") && both.output.contains("QEMU"))
  }

  @Test(
    "Where KVM lacks an instruction auto goes on with QEMU, and kvm alone says which",
    .enabled(if: Host.hasKVM && Host.hasQEMU, "needs both machines"))
  func missingInstruction() throws {
    let alone = try run(.popcnt, ["--machine", "kvm"])
    let both = try run(.popcnt, [])
    #expect(both.exitCode == 0)
    guard alone.exitCode != 0 else { return }
    #expect(alone.exitCode == 69)
    #expect(alone.output.contains("KVM of this host cannot execute POPCNT"))
    #expect(both.output.contains("on QEMU because KVM of this host cannot execute POPCNT"))
  }

  @Test("A file that is no kernel is 65, with the reason and the cure")
  func noKernel() throws {
    let file = try TemporaryFile("no kernel at all")
    let text = try ProgramRun(["boot", file.path])
    #expect(text.exitCode == 65)
    #expect(text.errors.contains("it is not an ELF file") && text.errors.contains("hint:"))
    let missing = try ProgramRun(["boot", "/no/such/kernel"])
    #expect(missing.exitCode == 65)
    #expect(missing.output.isEmpty)
  }

  @Test(
    "What no guest can be given is 64",
    arguments: [["--memory", "5MiB"], ["--memory", "4GiB"], ["--tables", "own"]])
  func usage(_ arguments: [String]) throws {
    let run = try run(.good, arguments)
    #expect(run.exitCode == 64, "\(run.errors)")
    #expect(run.errors.contains("hint:"))
  }

  @Test("Without a machine it is 69")
  func noMachine() throws {
    let run = try ProgramRun(
      ["boot", BootKernelFiles.shared[.good], "--kvm-device", "/no/such/device"])
    #expect(run.exitCode == 69)
    #expect(run.output.isEmpty)
  }

  @Test("The help has every exit code that it uses")
  func help() throws {
    let help = try ProgramRun(["boot", "--help"]).output
    for status in ExitStatus.allCases { #expect(help.contains("\n  \(status.rawValue) ")) }
  }
}
