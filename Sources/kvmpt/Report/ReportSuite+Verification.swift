// A verification as test cases, for JUnit and TAP.

import MMU
import Probe

extension ReportSuite {
  /// One case per mapping, one for the unmapped pages, one per expectation, one for the flags.
  init(_ report: VerificationReport, file: AddressSpaceFile) {
    self.init(name: report.space.name.isEmpty ? file.path : report.space.name)
    properties = [
      ("machine", report.profile?.words ?? "none: only the model was asked"),
      ("probes", "\(report.total.probeCount)"), ("executed", "\(report.total.executedCount)"),
    ]
    for (index, mapping) in report.space.mappings.enumerated() {
      cases.append(
        Self.reportCase(
          mapping.name, "mappings", .mapping(index), report, path: file.path,
          line: file.positions.mappings.indices.contains(index)
            ? file.positions.mappings[index].start.line : nil))
    }
    if report.tallies[.gap(nearMapping: -1)] != nil {
      cases.append(
        Self.reportCase(
          "unmapped pages fault", "gaps", .gap(nearMapping: -1), report, path: file.path, line: nil
        ))
    }
    for (index, expectation) in report.space.expectations.enumerated() {
      let manner = ProbeManner(expectation.access, at: expectation.privilege)
      cases.append(
        Self.reportCase(
          "\(manner.words) of \(HexadecimalNumber(expectation.linearAddress)):"
            + " \(expectation.outcome.words)",
          "expectations", .expectation(index), report, path: file.path,
          line: file.positions.expectations.indices.contains(index)
            ? file.positions.expectations[index].start.line : nil))
    }
    cases.append(Self.flagCase(report))
    cases.append(Self.attributeCase(report))
  }

  private static func reportCase(
    _ name: String, _ group: String, _ subject: ProbeSubject, _ report: VerificationReport,
    path: String, line: Int?
  ) -> ReportCase {
    ReportCase(
      name: name, group: group, outcome: outcome(of: subject, report),
      notes: notes(about: report.tallies[subject] ?? SubjectTally()), file: path, line: line)
  }

  /// What a case that passed has left out.
  private static func notes(about tally: SubjectTally) -> [String] {
    guard tally.agreementCount > 0 else { return [] }
    return NotRunReason.allCases.compactMap { reason in
      tally.notRun[reason].map { "\(counted($0, "probe", "probes")) skipped: \(reason.message)" }
    }
      + tally.deviations.sorted { $0.key.message < $1.key.message }.map {
        "\(counted($0.value, "probe", "probes")) explained: \($0.key.message)"
      }
  }

  private static func outcome(
    of subject: ProbeSubject, _ report: VerificationReport
  ) -> ReportOutcome {
    let tally = report.tallies[subject] ?? SubjectTally()
    if tally.disagreementCount > 0 {
      let found = report.disagreements.filter { $0.verdict.page.subject.isPart(of: subject) }
      return .failed(
        id: found.first?.verdict.disagreements.ids.first ?? "disagreement",
        message: "\(counted(tally.disagreementCount, "probe", "probes")) disagree",
        details: found.prefix(20).map { DisagreementText($0, in: report.space).text })
    }
    if tally.lostCount > 0 {
      let found = report.lost.filter { $0.page.subject.isPart(of: subject) }
      return .errored(
        id: "guest-lost",
        message: "\(counted(tally.lostCount, "probe", "probes")) killed the guest",
        details: found.prefix(20).map {
          "\($0.addressWords): \($0.manner.words): \($0.executed.words)"
        })
    }
    if let reason = tally.notRun.keys.filter(\.meansUnfinished).min(by: {
      $0.rawValue < $1.rawValue
    }) {
      return .errored(
        id: reason.rawValue,
        message: "\(counted(tally.notRun[reason] ?? 0, "probe", "probes")) not made:"
          + " \(reason.message)", details: [])
    }
    if tally.agreementCount == 0,
      let reason = tally.firstDeviation?.message ?? tally.firstReasonNotRun?.message
    {
      return .skipped(reason: reason)
    }
    return .passed
  }

  private static func attributeCase(_ report: VerificationReport) -> ReportCase {
    let texts = report.attributeDisagreements.prefix(20).map {
      AttributeText($0, in: report.space).text.trimmed
    }
    let outcome: ReportOutcome =
      texts.first.map { .failed(id: "wrong-attributes", message: $0, details: texts) } ?? .passed
    return ReportCase(name: "attributes of the leaves", group: "attributes", outcome: outcome)
  }

  private static func flagCase(_ report: VerificationReport) -> ReportCase {
    let outcome: ReportOutcome
    if let first = report.flagDisagreements.first {
      outcome = .failed(
        id: "wrong-flags", message: FlagText(first).text.trimmed,
        details: report.flagDisagreements.prefix(20).map { FlagText($0).text.trimmed })
    } else if report.total.executedCount == 0 {
      outcome = .skipped(
        reason: report.total.firstReasonNotRun?.message ?? "nothing was executed")
    } else {
      outcome = .passed
    }
    return ReportCase(name: "accessed and dirty flags", group: "flags", outcome: outcome)
  }
}

extension ProbeSubject {
  /// All gaps are one subject of a report.
  fileprivate func isPart(of other: ProbeSubject) -> Bool {
    if case .gap = self, case .gap = other { return true }
    return self == other
  }
}

extension String {
  /// Without the line end.
  fileprivate var trimmed: String { last == "\n" ? String(dropLast()) : self }
}
