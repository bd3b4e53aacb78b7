// AuditAnswer: the findings of an audit, with those that somebody accepts marked.

import MMU
import Probe

/// What an audit came to, in every format.
struct AuditAnswer {
  /// A finding and why it is accepted, if it is.
  typealias Finding = (finding: AuditFinding, reason: String?)

  let findings: [Finding]
  let droppedCounts: [AuditRule: Int]
  let tableCount: Int
  let unseenRunCount: Int
  let path: String
  let failOn: AuditSeverity

  init(_ report: AuditReport, path: String, allowed: AllowList, failOn: AuditSeverity) {
    findings = report.findings.map { ($0, allowed.reason(for: $0)) }
    droppedCounts = report.droppedCounts
    tableCount = report.tableCount
    unseenRunCount = report.unseenRunCount
    self.path = path
    self.failOn = failOn
  }

  /// Some finding is bad enough and not accepted.
  var hasFailed: Bool {
    findings.contains { $0.reason == nil && $0.finding.rule.severity >= failOn }
      || droppedCounts.keys.contains { $0.severity >= failOn }
  }

  /// Where and what, in one line.
  static func message(_ finding: AuditFinding) -> String {
    var text = "\(HexadecimalNumber(finding.linearAddress))"
    text += " to \(HexadecimalNumber(finding.lastAddress))"
    text += ", physical \(HexadecimalNumber(finding.physicalAddress.rawValue))"
    if let entry = finding.entry {
      text += ", \(entry.level.entryName) at \(HexadecimalNumber(entry.address.rawValue))"
    }
    if finding.bits != 0 { text += ", bits \(HexadecimalNumber(finding.bits))" }
    if let other = finding.otherAddress { text += ", also at \(HexadecimalNumber(other))" }
    if finding.count > 1 { text += ", \(counted(finding.count, "entry", "entries"))" }
    return text
  }

  func writeText(to destination: ReportDestination, _ styler: TextStyler) {
    for rule in AuditRule.allCases {
      let found = findings.filter { $0.finding.rule == rule }
      guard !found.isEmpty else { continue }
      let style: TextStyle =
        rule.severity == .error ? .redBold : rule.severity == .warning ? .yellow : .dim
      destination.write(
        "\(styler("\(rule.severity)", style)): \(rule.title) [\(rule.rawValue)]\n")
      for (finding, reason) in found {
        destination.write(
          "  \(Self.message(finding))"
            + (reason.map { "; accepted: \(PlainText.oneLine($0))" } ?? "") + "\n")
      }
      if let dropped = droppedCounts[rule] {
        destination.write("  and \(grouped(dropped)) more\n")
      }
    }
    let counts = [AuditSeverity.error, .warning, .note].map { severity in
      let count = findings.count { $0.finding.rule.severity == severity && $0.reason == nil }
      return counted(count, "\(severity)")
    }
    let accepted = findings.count { $0.reason != nil }
    destination.write(
      counts.joined(separator: ", ") + (accepted > 0 ? ", \(accepted) accepted" : "")
        + " in \(counted(tableCount, "table"))\n")
    if unseenRunCount > 0 {
      destination.write(
        "the rules about memory that is mapped twice did not see \(grouped(unseenRunCount)) runs\n")
    }
  }

  func writeJSON(to destination: ReportDestination, cr3: UInt64) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:audit:1")
    json.member("version", Version.current)
    json.member("image", path)
    json.member("cr3", hexadecimal: cr3)
    json.member("verdict", hasFailed ? "findings" : "clean")
    json.member("tables", tableCount)
    if unseenRunCount > 0 { json.member("unseen-runs", unseenRunCount) }
    json.key("findings")
    json.beginArray()
    for (finding, reason) in findings {
      json.beginObject()
      json.member("rule", finding.rule.rawValue)
      json.member("severity", "\(finding.rule.severity)")
      json.member("linear", hexadecimal: finding.linearAddress)
      json.member("bytes", hexadecimal: finding.byteCount)
      json.member("physical", hexadecimal: finding.physicalAddress.rawValue)
      json.member("entries", finding.count)
      if let entry = finding.entry {
        json.member("level", Int(entry.level.rawValue))
        json.member("entry-address", hexadecimal: entry.address.rawValue)
      }
      if finding.bits != 0 { json.member("bits", hexadecimal: finding.bits) }
      if let other = finding.otherAddress { json.member("other-linear", hexadecimal: other) }
      if let reason { json.member("accepted", reason) }
      json.endObject()
    }
    json.endArray()
    json.key("left-out")
    json.beginObject()
    for rule in AuditRule.allCases {
      if let count = droppedCounts[rule] { json.member(rule.rawValue, count) }
    }
    json.endObject()
    json.endObject()
  }

  /// One case for each rule.
  var suite: ReportSuite {
    var suite = ReportSuite(name: path)
    for rule in AuditRule.allCases {
      let found = findings.filter { $0.finding.rule == rule && $0.reason == nil }
      let isFailure = !found.isEmpty && rule.severity >= failOn
      suite.cases.append(
        ReportCase(
          name: rule.rawValue, group: "audit",
          outcome: isFailure
            ? .failed(
              id: rule.rawValue, message: rule.title,
              details: found.map { Self.message($0.finding) }) : .passed, file: path))
    }
    return suite
  }
}
