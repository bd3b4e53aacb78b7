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
  /// Why the root leads to no page, where it does not.
  let emptyRoot: String?

  init(
    _ report: AuditReport, path: String, allowed: AllowList, failOn: AuditSeverity,
    emptyRoot: String? = nil
  ) {
    self.emptyRoot = emptyRoot
    findings = report.findings.map { ($0, allowed.reason(for: $0)) }
    droppedCounts = report.droppedCounts
    tableCount = report.tableCount
    unseenRunCount = report.unseenRunCount
    self.path = path
    self.failOn = failOn
  }

  /// What an audit comes to; the first that applies.
  enum Verdict: String, CaseIterable {
    /// Some finding is bad enough and not accepted.
    case findings
    /// Rules did not see all of the memory that is mapped.
    case incomplete
    /// Everything was looked at, and nothing is bad enough.
    case clean

    /// The exit code.
    var status: ExitStatus {
      switch self {
      case .findings: .disagreement
      case .incomplete: .unproved
      case .clean: .agreement
      }
    }
  }

  /// What it comes to.
  var verdict: Verdict {
    if AuditRule.allCases.contains(where: hasFailed) { return .findings }
    return isIncomplete ? .incomplete : .clean
  }

  /// True when some finding of a rule is bad enough and not accepted; what was left out is not.
  private func hasFailed(_ rule: AuditRule) -> Bool {
    guard rule.severity >= failOn else { return false }
    return droppedCounts[rule] != nil
      || findings.contains { $0.finding.rule == rule && $0.reason == nil }
  }

  /// True when rules did not see everything.
  private var isIncomplete: Bool { unseenRunCount > 0 || emptyRoot != nil }

  /// What some rules did not see, or nil.
  var unseen: String? {
    if let emptyRoot { return emptyRoot }
    return isIncomplete
      ? "the rules about memory that is mapped twice did not see \(grouped(unseenRunCount)) runs"
      : nil
  }

  /// The findings of a rule that are left out, in words, or nil.
  func dropped(_ rule: AuditRule) -> String? {
    droppedCounts[rule].map { "and \(grouped($0)) more" }
  }

  /// Where and what, in one line.
  static func message(_ finding: AuditFinding) -> String {
    var text = "\(HexadecimalNumber(finding.linearAddress))"
    text += " to \(HexadecimalNumber(finding.lastAddress))"
    if finding.register?.hasMemory != false {
      text += ", physical \(HexadecimalNumber(finding.physicalAddress.rawValue))"
      if !finding.isContiguous { text += " and others" }
    }
    if let entry = finding.entry {
      text += ", \(entry.level.entryName) at \(HexadecimalNumber(entry.address.rawValue))"
    }
    if finding.bits != 0 { text += ", bits \(HexadecimalNumber(finding.bits))" }
    if finding.isAllOnes { text += ", all ones: overwritten, not a table" }
    if let register = finding.register { text += ", \(register.words)" }
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
      if let dropped = dropped(rule) { destination.write("  \(dropped)\n") }
    }
    let counts = [AuditSeverity.error, .warning, .note].map { severity in
      let count = findings.count { $0.finding.rule.severity == severity && $0.reason == nil }
      return counted(count, "\(severity)")
    }
    let accepted = findings.count { $0.reason != nil }
    destination.write(
      counts.joined(separator: ", ") + (accepted > 0 ? ", \(accepted) accepted" : "")
        + " in \(counted(tableCount, "table"))\n")
    if let unseen { destination.write("not proved: \(unseen)\n") }
  }

  func writeJSON(to destination: ReportDestination, cr3: UInt64, assumed: [String]) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:audit:1")
    json.member("version", Version.current)
    json.member("image", path)
    json.member("cr3", hexadecimal: cr3)
    json.member(assumed: assumed)
    json.member("verdict", verdict.rawValue)
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
      if finding.register?.hasMemory != false {
        json.member("physical", hexadecimal: finding.physicalAddress.rawValue)
      }
      json.member("entries", finding.count)
      if let entry = finding.entry {
        json.member("level", Int(entry.level.rawValue))
        json.member("entry-address", hexadecimal: entry.address.rawValue)
      }
      if finding.bits != 0 { json.member("bits", hexadecimal: finding.bits) }
      if finding.isAllOnes { json.member("all-ones", true) }
      if let register = finding.register {
        json.member("register", register.register.rawValue)
        json.member("cause", register.cause.rawValue)
      }
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
      let outcome: ReportOutcome =
        if hasFailed(rule) {
          .failed(
            id: rule.rawValue, message: rule.title,
            details: found.map { Self.message($0.finding) } + [dropped(rule)].compactMap { $0 })
        } else if let unseen, rule.isAboutMemoryMappedTwice || emptyRoot != nil {
          .skipped(reason: unseen)
        } else {
          .passed
        }
      suite.cases.append(
        ReportCase(name: rule.rawValue, group: "audit", outcome: outcome, file: path))
    }
    return suite
  }
}
