// ReportSummary: the verdict in a few lines.

import Probe

/// What a verification came to.
struct ReportSummary {
  private let report: VerificationReport
  private let styler: TextStyler

  init(_ report: VerificationReport, styler: TextStyler) {
    self.report = report
    self.styler = styler
  }

  var text: String {
    let total = report.total
    var lines: [String] = []
    let executed = "\(grouped(total.executedCount)) probes on the machine"
    let agreed = "\(grouped(total.agreementCount)) probes on the machine"
    if report.isAgreement, let reason = report.reasonForUnfinishedProbes {
      let made = total.agreementCount > 0 ? "after \(agreed), which agree" : "before any probe"
      lines.append(styler("not finished", .redBold) + ": \(reason.message) \(made)")
    } else if report.isAgreement {
      let nothing =
        total.executedCount > 0 ? "nothing that was executed counts" : "nothing was executed"
      lines.append(
        total.agreementCount > 0
          ? styler("agreed", .green) + ": \(agreed), as asked and as modelled"
          : styler("not proved", .yellow) + ": asked and modelled agree, and \(nothing)")
    } else {
      var parts: [String] = []
      if total.disagreementCount > 0 {
        parts.append("\(counted(total.disagreementCount, "probe disagrees", "probes disagree"))")
      }
      if total.lostCount > 0 { parts.append("\(grouped(total.lostCount)) killed the guest") }
      if !report.flagDisagreements.isEmpty {
        parts.append(
          "\(counted(report.flagDisagreements.count, "entry", "entries")) with wrong flags")
      }
      if !report.attributeDisagreements.isEmpty {
        parts.append("\(counted(report.attributeDisagreements.count, "wrong attribute"))")
      }
      lines.append(
        styler("disagreed", .redBold) + ": " + parts.joined(separator: ", ") + ", of \(executed)")
    }
    for reason in NotRunReason.allCases {
      guard let count = total.notRun[reason] else { continue }
      let word = reason.meansUnfinished ? "not made" : "skipped"
      lines.append(styler(word, .yellow) + ": \(grouped(count)) probes, \(reason.message)")
    }
    for (deviation, count) in total.deviations.sorted(by: { $0.key.message < $1.key.message }) {
      lines.append(
        styler("explained", .yellow) + ": \(grouped(count)) probes, \(deviation.message)")
    }
    if total.executedCount > 0 {
      lines.append(
        "time: \(report.times.total.secondsText) in all, \(report.times.calibration.secondsText)"
          + " of it calibration; \(grouped(Int(report.probesPerSecond))) probes per second")
    }
    return lines.joined(separator: "\n")
  }
}

extension Duration {
  /// Seconds with three decimals and their unit.
  var secondsText: String {
    let (seconds, attoseconds) = components
    let milliseconds = String(attoseconds / 1_000_000_000_000_000)
    return "\(seconds)." + String(repeating: "0", count: max(0, 3 - milliseconds.count))
      + milliseconds + " s"
  }
}

/// A number and its noun where the plural is irregular.
func counted(_ count: Int, _ singular: String, _ plural: String) -> String {
  "\(grouped(count)) \(count == 1 ? singular : plural)"
}
