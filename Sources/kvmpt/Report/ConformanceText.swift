// ConformanceText: a comparison of a machine with the manual, for people.

import KVM
import MMU
import Probe

/// Writes a conformance report for a terminal.
struct ConformanceText {
  let report: ConformanceReport
  let findings: ConformanceFindings
  let styler: TextStyler

  private static let shownCount = 20

  func write(to output: inout some TextOutputStream) {
    let shard =
      report.shard == .whole ? "" : ", share \(report.shard.number) of \(report.shard.count)"
    output.write(styler("conformance, profile \(report.profile.rawValue)\(shard)", .bold) + "\n\n")
    output.write(facts(findings).rendered(styler: styler))
    for difference in findings.unexplained.prefix(Self.shownCount) {
      output.write("\n" + text(difference))
    }
    if findings.unexplained.count > Self.shownCount {
      output.write("\n... and \(findings.unexplained.count - Self.shownCount) more kinds\n")
    }
    output.write("\n" + verdict(findings) + "\n")
    if let speed { output.write(speed + "\n") }
  }

  private func facts(_ findings: ConformanceFindings) -> TextTable {
    var table = TextTable([("", .left), ("", .left)])
    func add(_ name: String, _ text: String, _ style: TextStyle = .dim) {
      table.append([.init(name, style), .init(text)])
    }
    add("machine", report.machine.words)
    add(
      "cases",
      "\(grouped(report.total.caseCount)) in \(grouped(report.finished.count))"
        + " of \(counted(report.blockCount, "block", "blocks"))")
    add("agreed", grouped(report.total.agreedCount))
    for (rule, count) in findings.rules {
      let isNew = findings.newRules.contains { $0.rule == rule }
      add(
        isNew ? "NEW rule" : "by a rule",
        "\(grouped(count)): \(rule.message)" + (isNew ? ", which the baseline does not have" : ""),
        isNew ? .redBold : .yellow)
    }
    for rule in findings.unseen { add("not seen", "of the baseline: \(rule.message)") }
    for (rule, count) in findings.refuted {
      add(
        "refuted",
        "of the baseline: \(rule.message); \(counted(count, "case agrees", "cases agree")) with the"
          + " manual instead", .yellow)
    }
    for remark in report.machine.remarks { add("warning", remark.message, .yellow) }
    let leftOut = report.total.notRun.merging(report.notRun, uniquingKeysWith: +)
    for (reason, count) in leftOut.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      add("not run", "\(grouped(count)): \(reason.message)", .yellow)
    }
    return table
  }

  private func text(_ difference: DifferenceRecord) -> String {
    let example = difference.example
    var text =
      styler("differs", .redBold)
      + " in \(counted(difference.count, "case", "cases")), such as"
      + " \(HexadecimalNumber(example.address)), \(PlainText.oneLine("\(example.matrix), \(example.mode)"))\n"
    for entry in example.entries {
      text +=
        "    \(entry.level.entryName) \(HexadecimalNumber(entry.rawValue))"
        + " \(EntryBitsText.text(entry))\n"
    }
    text += "    modelled  \(PlainText.oneLine(example.modelled))\n"
    text += "    executed  \(PlainText.oneLine(example.executed))\n"
    if let flags = example.flags { text += "    flags     \(PlainText.oneLine(flags))\n" }
    return text
  }

  private func verdict(_ findings: ConformanceFindings) -> String {
    switch ConformanceVerdict(report, findings) {
    case .disagreement where findings.unexplainedCount > 0:
      return styler("disagreed", .redBold)
        + ": \(counted(findings.unexplainedCount, "case differs", "cases differ")) from the manual,"
        + " and no rule says how"
    case .disagreement:
      return styler("disagreed", .redBold)
        + ": \(counted(findings.newCount, "case differs", "cases differ")) from the manual by"
        + " \(counted(findings.newRules.count, "rule", "rules")) that the baseline does not have"
    case .incomplete: return styler("incomplete", .yellow) + ": what was run agrees"
    case .nothingExecuted: return styler("not proved", .yellow) + ": no case was run"
    case .expected:
      return styler("agreed", .green)
        + ": every case is as the manual says, or as a rule of the baseline says"
    case .agreement: return styler("agreed", .green) + ": every case is as the manual says"
    }
  }

  private var speed: String? {
    let seconds = report.time.seconds
    guard report.total.caseCount > 0, seconds > 0 else { return nil }
    let rate = Double(report.total.caseCount) / seconds
    return "time: \(report.time.secondsText); \(grouped(Int(rate))) cases per second,"
      + " \(microseconds(seconds / Double(report.total.caseCount))) per case;"
      + " \(grouped(peakMemoryMiB())) MiB of memory at most"
  }

  private func microseconds(_ seconds: Double) -> String {
    "\((seconds * 1e7).rounded() / 10) µs"
  }
}

extension Duration {
  /// The time in seconds.
  var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
