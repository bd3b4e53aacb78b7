// ReportSummary: the verdict in a few lines.

import Probe

/// What a verification came to.
struct ReportSummary {
  private let report: any ProofReport
  private let space: AddressSpace
  private let styler: TextStyler
  /// Somebody said what the tables should be.
  private let isAsked: Bool

  init(
    _ report: any ProofReport, in space: AddressSpace, isAsked: Bool = true, styler: TextStyler
  ) {
    self.report = report
    self.space = space
    self.isAsked = isAsked
    self.styler = styler
  }

  var text: String {
    var lines = [verdict]
    let covered = report.total.coveredCount
    if covered > 0 {
      lines.append(
        "covered: \(counted(covered, "further access", "further accesses")) through entries that were"
          + " executed, judged by the model")
    }
    if let extent = ExtentText(report).lines { lines.append(extent) }
    if let comparison = report.comparison {
      lines += RangeComparisonText(comparison: comparison, space: space).lines
    }
    let machines = report.machines
    if machines.differenceCount > 0 {
      lines.append(
        styler("machines differ", .yellow)
          + ": \(counted(machines.differenceCount, "probe", "probes")) that"
          + " \(machines.answers.map(\.profile.identity.name).joined(separator: " and "))"
          + " answered differently")
    }
    if machines.uncomparedCount > 0 {
      lines.append(
        styler("machines not compared", .yellow) + ": in at most"
          + " \(counted(machines.uncomparedCount, "answer", "answers")) that the manual does not give,"
          + " of which there are too many to keep")
    }
    for part in report.unproved {
      let line = UnprovedText.line(part)
      let word = line.prefix { $0 != ":" }
      lines.append(styler(String(word), .yellow) + line.dropFirst(word.count))
    }
    if report.total.executedCount > 0 {
      lines.append(
        "time: \(report.times.total.secondsText) in all, \(report.times.calibration.secondsText)"
          + " of it calibration; \(grouped(Int(report.probesPerSecond))) probes per second")
    }
    return lines.joined(separator: "\n")
  }

  /// The line that everybody reads.
  private var verdict: String {
    switch report.verdict {
    case .agreement: styler("agreed", .green) + ": \(agreed)"
    case .disagreement: styler("disagreed", .redBold) + ": \(differences)"
    case .interrupted, .unfinished:
      styler("not finished", .redBold) + ": \(reasonToEnd), with \(unprovedParts)"
    case .unproved: styler("unproved", .yellow) + ": \(unprovedParts)"
    }
  }

  private var agreed: String {
    "\(grouped(report.total.agreementCount)) probes on \(place), \(basis)"
  }

  /// Where the probes were executed.
  private var place: String {
    let names = report.machines.answers.filter { $0.total.executedCount > 0 }
      .map(\.profile.identity.name)
    return names.count > 1 ? names.joined(separator: " and ") : "the machine"
  }

  private var basis: String { "as \(isAsked ? "asked and as " : "")modelled" }

  private var reasonToEnd: String {
    (report.verdict == .interrupted ? NotRunReason.interrupted : .timeLimit).message
  }

  /// How much is unproved, and what came of the rest.
  private var unprovedParts: String {
    let total = report.total
    let missing = total.probeCount - total.agreementCount
    let rest: String
    if total.agreementCount > 0 {
      rest = "\(grouped(total.agreementCount)) agreed on \(place), \(basis)"
    } else {
      rest =
        (isAsked ? "asked and modelled agree, and " : "")
        + (total.executedCount > 0 ? "nothing that was executed counts" : "nothing was executed")
    }
    return "\(grouped(missing)) of \(counted(total.probeCount, "probe", "probes")); \(rest)"
  }

  private var differences: String {
    let total = report.total
    var parts: [String] = []
    if total.disagreementCount > 0 {
      parts.append("\(counted(total.disagreementCount, "probe disagrees", "probes disagree"))")
    }
    if !report.flagDisagreements.isEmpty {
      parts.append(
        "\(counted(report.flagDisagreements.count, "entry", "entries")) with wrong flags")
    }
    if let count = report.comparison?.differenceCount, count > 0 {
      parts.append(
        counted(count, "range is not as asked for", "ranges are not as asked for"))
    }
    return parts.joined(separator: ", ")
      + ", of \(grouped(total.executedCount)) probes on \(place)"
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
