// verify on QEMU from outside: every example with nothing skipped, and what goes wrong with QEMU.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("verify proves files on QEMU", .enabled(if: Host.hasQEMU, "needs QEMU"))
struct QEMURunTests {
  static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// 8,192 pages: enough for a signal to come in the middle.
  static let somePages =
    "memory: 64MiB\nmappings:\n  - {linear: 8TiB, size: 32MiB, rights: rw-, page: 4KiB}\n"

  /// The processes whose parent is `parent`.
  static func children(of parent: pid_t) -> [pid_t] {
    let list = try? InputFile.bytes(
      of: "/proc/\(parent)/task/\(parent)/children", byteLimit: 1 << 16)
    var result = String(decoding: list ?? [], as: UTF8.self).split(separator: " ")
      .compactMap { pid_t($0) }
    for thread in (try? threads(of: parent)) ?? [] {
      let bytes = try? InputFile.bytes(
        of: "/proc/\(parent)/task/\(thread)/children", byteLimit: 1 << 16)
      result += String(decoding: bytes ?? [], as: UTF8.self).split(separator: " ")
        .compactMap { pid_t($0) }
    }
    return Array(Set(result))
  }

  private static func threads(of process: pid_t) throws -> [pid_t] {
    // SAFETY: the directory stream is closed below, and each entry is read before the next call.
    guard let folder = unsafe opendir("/proc/\(process)/task") else { return [] }
    defer { unsafe closedir(folder) }
    var result: [pid_t] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if let number = pid_t(name) { result.append(number) }
    }
    return result
  }

  /// Waits until the program has a child, and says which.
  static func child(of process: pid_t) -> pid_t? {
    let deadline = ContinuousClock.now + .seconds(300)
    while ContinuousClock.now < deadline {
      if let child = children(of: process).first { return child }
      usleep(500)
    }
    return nil
  }

  static func isAlive(_ process: pid_t) -> Bool {
    let status = (try? InputFile.bytes(of: "/proc/\(process)/stat", byteLimit: 4096)) ?? []
    return !status.isEmpty && !String(decoding: status, as: UTF8.self).contains(") Z ")
  }

  @Test("Every example agrees, and nothing is skipped", arguments: PackageFiles.examples)
  func examples(_ name: String) throws {
    let arguments = ["verify", MainJobTests.example(name), "--machine", "qemu"]
    var run = try ProgramRun(arguments, environment: [Self.path])
    if name == "mixed-page-sizes.yaml" {
      // The emulator sets A of a 1 GiB page that does not allow the access, which a rule excuses.
      #expect(run.exitCode == 77 && run.output.contains("[explained]"), "\(run.output)")
      run = try ProgramRun(
        arguments + ["--allow-unproved", "explained"], environment: [Self.path])
    }
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains("agreed") && !run.output.contains("skipped"))
    #expect(run.output.contains("the tables are walked by QEMU TCG"))
  }

  @Test("Reports about a QEMU machine fit their schemas")
  func schemas() throws {
    let run = try ProgramRun(
      [
        "verify", MainJobTests.example("mixed-page-sizes.yaml"), "--machine", "qemu", "--format",
        "json",
      ], environment: [Self.path])
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    #expect(report["machine"]?["walker"] == .string("tcg"))
  }

  @Test("Without KVM, auto takes QEMU and says so; without both it says what is missing")
  func automatic() throws {
    let file = MainJobTests.example("minimal.json")
    let run = try ProgramRun(
      ["verify", file, "--machine", "auto", "--kvm-device", "/no/such/device"],
      environment: [Self.path])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("QEMU TCG"))
    let neither = try ProgramRun(
      ["verify", file, "--machine", "auto", "--kvm-device", "/no/such/device"],
      environment: ["PATH=/nowhere"])
    #expect(neither.exitCode == 69)
    #expect(neither.errors.contains("there is no qemu-system-x86_64 on PATH"))
    #expect(neither.errors.contains("qemu-system-x86"))
  }

  @Test("A program that is not QEMU, or too old a one, is named with what it said")
  func wrongProgram() throws {
    let file = MainJobTests.example("minimal.json")
    let missing = try ProgramRun(["verify", file, "--machine", "qemu", "--qemu", "/no/such/qemu"])
    #expect(missing.exitCode == 69 && missing.errors.contains("/no/such/qemu"))
    let script = try TemporaryFile(
      "#!/bin/sh\necho 'qemu-system-x86_64: Property not found: memory-backend' >&2\nexit 1\n")
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    unsafe chmod(script.path, 0o755)
    let old = try ProgramRun(["verify", file, "--machine", "qemu", "--qemu", script.path])
    #expect(old.exitCode == 70)
    #expect(old.errors.contains("ended with exit code 1: qemu-system-x86_64: Property not found"))
    #expect(old.errors.contains("5.2 or later"))
    let folder = try ProgramRun(["verify", file, "--machine", "qemu", "--qemu", "/tmp/."])
    #expect(folder.exitCode == 69, "\(folder.errors)")
  }

  @Test("A QEMU that is killed in the middle is an error, and leaves nothing")
  func killedInTheMiddle() throws {
    let file = try TemporaryFile(EarlyEndTests.manyPages)
    var child: pid_t?
    let run = try ProgramRun(["verify", file.path, "--machine", "qemu"], environment: [Self.path]) {
      child = Self.child(of: $0)
      if let child { kill(child, SIGKILL) }
    }
    #expect(run.exitCode == 70, "\(run.output)")
    #expect(run.errors.contains("was killed by signal 9"))
    #expect(!Self.isAlive(try #require(child)))
  }

  @Test(
    "A QEMU ends with the program, however that ends", arguments: [SIGKILL, SIGINT, SIGSEGV])
  func neverOutlives(_ signal: Int32) throws {
    let file = try TemporaryFile(Self.somePages)
    var child: pid_t?
    _ = try ProgramRun(["verify", file.path, "--machine", "qemu"], environment: [Self.path]) {
      child = Self.child(of: $0)
      usleep(50_000)
      kill($0, signal)
    }
    let process = try #require(child)
    let deadline = ContinuousClock.now + .seconds(300)
    while Self.isAlive(process), ContinuousClock.now < deadline { usleep(1000) }
    #expect(!Self.isAlive(process))
  }

  @Test("A host that gives no file of the size is said to be the cause")
  func noRoom() throws {
    let script = try TemporaryFile(
      "#!/bin/bash\nulimit -f 64\nexec \"$@\"\n")
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    unsafe chmod(script.path, 0o755)
    let run = try ProgramRun(
      [ProgramRun.program, "verify", MainJobTests.example("minimal.json"), "--machine", "qemu"],
      program: script.path, environment: [Self.path])
    #expect(run.exitCode == 70, "\(run.output) \(run.errors)")
    #expect(run.errors.contains("ftruncate"))
  }
}
