// Mutated result, resume, profile and baseline files: no trap, no hang, and no false agreement.

import Probe
import TestHosts
import TestSupport
import Testing

@testable import kvmpt

@Suite(
  "No result file makes the program trap, hang, or agree with what was not run", .serialized,
  .enabled(if: Host.hasKVM || Host.hasQEMU, "needs /dev/kvm or QEMU, for files to begin with"))
struct ResultFuzzTests {
  private static let count =
    TestSetting.number("KVMPT_FUZZ_RESULTS").map { Int($0) } ?? TestSetting.depth(300, full: 10_000)
  private static let seed = TestSetting.seed ?? 0x6b76_6d70_7400_0b01

  /// What a file says of a run, as far as a verdict depends on it.
  private struct Claim: Equatable {
    let caseCount: Int
    let agreedCount: Int
    let differingCount: Int
    let finished: Set<Int>
    let shard: ConformanceShard
    let profile: ConformanceProfile

    init(_ report: ConformanceReport) {
      caseCount = report.total.caseCount
      agreedCount = report.total.agreedCount
      differingCount = report.total.differingCount
      finished = report.finished
      shard = report.shard
      profile = report.profile
    }
  }

  @Test("mutated files are refused with their place, or say what the file said")
  func mutatedFiles() throws {
    let machine = Host.hasKVM ? [] : ["--machine", "qemu"]
    let (result, profile, baseline) = (
      try TemporaryFile(), try TemporaryFile(), try TemporaryFile()
    )
    let made = try ProgramRun(
      ["conform", "--shard", "3/400", "--format", "json", "--output", result.path] + machine
        + ["--write-profile", profile.path, "--write-baseline", baseline.path])
    try #require(made.exitCode == 0, "\(made.errors)")
    let texts = try [result.text(), profile.text(), baseline.text()].map { Array($0.utf8) }
    let expected = try BaselineFile.builtIn()
    let original = Claim(
      try ResultFile(texts[0], path: "result", schema: ConformanceJSON.schema).conformance())
    var generator = SeededGenerator(seed: Self.seed)
    var (accepted, refused) = (0, 0)
    var slowest = Duration.zero
    for round in 0..<Self.count {
      let kind = round % 4 == 3 ? 1 + generator.index(below: 2) : 0
      let bytes = mutated(texts[kind], &generator)
      let start = ContinuousClock.now
      do throws(CommandFailure) {
        switch kind {
        case 0:
          let report = try ResultFile(bytes, path: "fuzz", schema: ConformanceJSON.schema)
            .conformance()
          let findings = report.findings(knowing: expected.rules(of: report.machine.identity))
          _ = try? ConformanceReport.merged([report, report])
          let verdict = ConformanceVerdict(report, findings)
          let isAgreement = verdict == .agreement || verdict == .expected
          #expect(
            !isAgreement || Claim(report) == original,
            "false agreement: seed \(Self.seed), round \(round)")
        case 1:
          _ = try ResultFile(bytes, path: "fuzz", schema: MachineProfileJSON.schema)
            .machineProfile()
        default: _ = try BaselineFile.read(bytes, path: "fuzz")
        }
        accepted += 1
      } catch {
        refused += 1
        #expect(error.status == .badInput && error.text.contains("fuzz"), "round \(round)")
      }
      slowest = max(slowest, ContinuousClock.now - start)
    }
    print(
      "mutated result files: \(accepted) accepted, \(refused) refused, the slowest \(slowest)"
        + " (KVMPT_SEED=\(Self.seed))")
    #expect(refused > Self.count / 2 && accepted > 0)
    #expect(slowest < .seconds(60), "a file that takes so long hangs the program")
  }

  /// A copy of a file in which a number, a word or some bytes are others.
  private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var result = bytes
    for _ in 0...generator.index(below: 3) {
      if result.isEmpty { return result }
      let at = generator.index(below: result.count)
      switch generator.index(below: 8) {
      case 0: result[at] ^= 1 << UInt8(generator.index(below: 8))
      case 1: result.removeSubrange(at..<min(result.count, at + 1 + generator.index(below: 40)))
      case 2: result.insert(contentsOf: bytes[..<min(bytes.count, 50)], at: at)
      case 3: result = Array(result[..<at])
      default: replaceNumber(in: &result, near: at, &generator)
      }
    }
    return result
  }

  /// Puts a hostile number, or one that is nearly right, in place of the next one.
  private func replaceNumber(
    in bytes: inout [UInt8], near at: Int, _ generator: inout SeededGenerator
  ) {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    guard let first = bytes[at...].firstIndex(where: isDigit) else { return }
    let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.endIndex
    let old = UInt64(String(decoding: bytes[first..<end], as: UTF8.self)) ?? 0
    let hostile = [
      "9223372036854775807", "18446744073709551615", "9223372036854775808", "-1", "0",
      "281474976710656", "1e400", "99999999999999999999999", "\(old &+ 1)", "\(old &- 1)",
      "\(old / 2)", "\(old &* 2)",
    ]
    bytes.replaceSubrange(
      first..<end, with: Array(hostile[generator.index(below: hostile.count)].utf8))
  }
}
