// Runs that end before their end: by the time limit, and by Control-C.

import Glibc
import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("A run that is cut short reports what it found and what it did not try")
struct EarlyEndTests {
  /// 131,072 pages: more than ten seconds of probing.
  static let manyPages =
    "memory: 1GiB\nmappings:\n  - {linear: 8TiB, size: 512MiB, rights: rw-, page: 4KiB}\n"

  /// Signals a program as soon as it catches the signal.
  static func interrupt(_ child: pid_t, with signal: Int32) {
    let deadline = ContinuousClock.now + .seconds(300)
    while ContinuousClock.now < deadline {
      let status = (try? InputFile.bytes(of: "/proc/\(child)/status", byteLimit: 1 << 16)) ?? []
      let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix("SigCgt:")
      }
      let caught = line.flatMap { UInt64($0.suffix(16), radix: 16) } ?? 0
      if caught >> UInt64(signal - 1) & 1 != 0 { break }
      usleep(1000)
    }
    kill(child, signal)
  }

  @Test(
    "Control-C and SIGTERM end verify with its report and code 130",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"),
    arguments: [SIGINT, SIGTERM])
  func interruption(_ signal: Int32) throws {
    let file = try TemporaryFile(Self.manyPages)
    let run = try ProgramRun(["verify", file.path, "--format", "json"]) {
      Self.interrupt($0, with: signal)
    }
    #expect(run.exitCode == 130, "\(run.errors)")
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("interrupted"))
    let missing = try #require(report["probes"]?["not-run"]?["interrupted"]?.number)
    let executed = try #require(report["probes"]?["executed"]?.number)
    #expect(missing > 0)
    #expect(missing + executed == 786_444)
  }

  @Test(
    "An exhaustive run of 64 TiB ends in time, with every page counted",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func exhaustive() throws {
    let file = ImageFile()
    try ExhaustiveTests.huge.writeRaw(to: file.path, byteCount: 8 << 20)
    let run = try ProgramRun([
      "verify", file.path, "--cr3", "0x1000", "--exhaustive", "--timeout", "2s", "--format", "json",
    ])
    #expect(run.exitCode == 124, "\(run.errors)")
    let report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    #expect(report["verdict"] == .string("unfinished") && report["exhaustive"] == .bool(true))
    let probes = try #require(report["probes"])
    let executed = try #require(probes["executed"]?.number)
    let missing = try #require(probes["not-run"]?["time-limit"]?.number)
    #expect(probes["planned"]?.number == executed + missing && executed + missing > 6 << 34)
    #expect(probes["covered"]?.number == 0)
  }

  @Test("An interrupted comparison with the model alone ends, too")
  func interruptionOfTheModel() throws {
    let file = try TemporaryFile(Self.manyPages)
    let run = try ProgramRun([
      "verify", file.path, "--kvm-device", "/no/such/device", "--if-no-kvm", "model",
    ]) { Self.interrupt($0, with: SIGINT) }
    // A fast machine may be through before the signal comes.
    #expect(run.exitCode == 130 || run.exitCode == 77)
    #expect(run.output.contains(run.exitCode == 130 ? "\nnot finished: " : "\nunproved: "))
  }

  @Test(
    "A time limit that is too short is no agreement", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func timeLimit() throws {
    let file = try TemporaryFile(Self.manyPages)
    let run = try ProgramRun(["verify", file.path, "--timeout", "1ms"])
    #expect(run.exitCode == 124, "\(run.errors)")
    #expect(run.output.contains("\nnot finished: the time limit of the run was reached"))
    #expect(run.output.contains("\nunproved: 786,444 probes, the time limit"))
    #expect(!run.output.contains("agreed"))
  }

  @Test(
    "Test drivers see that a subject was not finished", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func testFormats() throws {
    let file = try TemporaryFile(Self.manyPages)
    let tap = try ProgramRun(["verify", file.path, "--timeout", "1ms", "--format", "tap"])
    #expect(tap.exitCode == 124)
    #expect(tap.output.contains("not ok 1 - mapping 1\n  ---\n  id: \"time-limit\"\n"))
    let junit = try ProgramRun(["verify", file.path, "--timeout", "1ms", "--format", "junit"])
    #expect(junit.exitCode == 124)
    #expect(junit.output.contains("type=\"time-limit\""))
  }

  /// Mappings that are so far apart that each needs tables of its own.
  static func spread(mappingCount: Int) -> String {
    var text = "memory: 1GiB\nmappings:\n"
    for index in 0..<mappingCount {
      let address = 0x100_0000_0000 + index << 28
      text += "- {linear: 0x\(String(address, radix: 16)), size: 4KiB, rights: rw-}\n"
    }
    return text
  }

  @Test("A time limit that is over before the tables are built ends the run there")
  func timeLimitWhileBuilding() throws {
    let file = try TemporaryFile(Self.spread(mappingCount: 2000))
    let run = try ProgramRun([
      "verify", file.path, "--timeout", "1ms", "--kvm-device", "/no/such/device", "--if-no-kvm",
      "model",
    ])
    #expect(run.exitCode == 124)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("reached before the tables were built"), "\(run.errors)")
  }

  @Test("A comparison with the model alone has a time limit, too")
  func timeLimitOfTheModel() throws {
    let file = try TemporaryFile(Self.manyPages)
    let run = try ProgramRun([
      "verify", file.path, "--timeout", "1ms", "--kvm-device", "/no/such/device", "--if-no-kvm",
      "model",
    ])
    #expect(run.exitCode == 124, "\(run.errors)")
    #expect(run.output.contains("\nunproved: 786,444 probes, the time limit"))
  }
}
