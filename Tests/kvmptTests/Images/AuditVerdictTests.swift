// What an audit comes to, in every format, for each rule alone.

import Probe
import Testing

@testable import MMU
@testable import kvmpt

@Suite("An audit says in every format what failed, what was left out and what nobody saw")
struct AuditVerdictTests {
  /// What there is of one rule.
  enum Found: CaseIterable { case nothing, accepted, open, acceptedAndLeftOut, leftOut }

  private static let accepting = AuditRule.allCases.map { "\($0.rawValue) * a reason\n" }.joined()

  private static func answer(
    _ rule: AuditRule, _ found: Found, unseen: Int, _ failOn: AuditSeverity
  ) throws -> AuditAnswer {
    var report = AuditReport()
    report.unseenRunCount = unseen
    report.tableCount = 3
    if found != .nothing && found != .leftOut {
      report.findings = [
        AuditFinding(
          rule: rule, linearAddress: 0x40_0000, byteCount: 4096,
          physicalAddress: GuestPhysicalAddress(truncating: 0x1000), entry: nil, otherAddress: nil,
          bits: 0, count: 1)
      ]
    }
    if found == .acceptedAndLeftOut || found == .leftOut { report.droppedCounts = [rule: 7] }
    let list = try TemporaryFile(found == .open ? "" : accepting)
    return AuditAnswer(
      report, path: "image", allowed: try AllowList(path: list.path), failOn: failOn)
  }

  @Test(
    "The exit code, JSON, JUnit, SARIF and text agree for every rule, severity and kind of finding",
    arguments: AuditRule.allCases)
  func everyFormat(_ rule: AuditRule) throws {
    var counts: [AuditAnswer.Verdict: Int] = [:]
    for found in Found.allCases {
      for failOn in [AuditSeverity.note, .warning, .error] {
        for unseen in [0, 5] {
          let answer = try Self.answer(rule, found, unseen: unseen, failOn)
          let isBad = [.open, .leftOut, .acceptedAndLeftOut].contains(found)
          let expected: AuditAnswer.Verdict =
            isBad && rule.severity >= failOn ? .findings : unseen > 0 ? .incomplete : .clean
          #expect(answer.verdict == expected, "\(found) \(failOn) \(unseen)")
          counts[expected, default: 0] += 1
          let file = try TemporaryFile()
          func text(_ write: (ReportDestination) -> Void) throws -> String {
            let destination = try ReportDestination(path: file.path)
            write(destination)
            try destination.close()
            return try file.text()
          }
          let json = try JSONValue(
            json: text { answer.writeJSON(to: $0, cr3: 0x1000, assumed: ["NXE"]) })
          #expect(json["verdict"]?.text == expected.rawValue)
          #expect(json["unseen-runs"] == (unseen > 0 ? .integer(unseen) : nil))
          let sarif = try text { answer.writeSARIF(to: $0) }
          #expect(sarif.contains("did not see 5 runs") == (unseen > 0))
          #expect(
            sarif.contains("and 7 more") == (found == .leftOut || found == .acceptedAndLeftOut))
          let plain = try text { answer.writeText(to: $0, TextStyler(isEnabled: false)) }
          #expect(plain.contains("not proved:") == (unseen > 0))
          let failed = answer.suite.cases.filter {
            if case .failed = $0.outcome { true } else { false }
          }
          #expect(failed.map(\.name) == (expected == .findings ? [rule.rawValue] : []))
          let skipped = answer.suite.cases.count {
            if case .skipped = $0.outcome { true } else { false }
          }
          #expect((skipped > 0) == (unseen > 0) && skipped <= 5)
        }
      }
    }
    #expect(counts.values.reduce(0, +) == 30 && counts[.clean] ?? 0 >= 6)
  }

  @Test("Each verdict has its exit code")
  func codes() {
    #expect(AuditAnswer.Verdict.allCases.map(\.status.rawValue) == [1, 77, 0])
  }

  @Test("A wrong line of an allow-list is named by its number, after lines that are empty")
  func allowListLine() throws {
    let rule = AuditRule.allCases[0].rawValue
    let list = try TemporaryFile("\n# a comment\n\n\(rule) * a reason\n\nno-such-rule * why\n")
    #expect { try AllowList(path: list.path) } throws: {
      ($0 as? CommandFailure)?.text.contains("\(list.path):6: 'no-such-rule' is not a rule")
        == true
    }
    let right = try TemporaryFile("\n\n\(rule) 0x1000-0x1fff because it must\n")
    let lines = try AllowList(path: right.path).lines
    #expect(lines.count == 1 && lines[0].first == 0x1000 && lines[0].reason == "because it must")
  }
}
