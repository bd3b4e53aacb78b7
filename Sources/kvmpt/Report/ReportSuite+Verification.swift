// A verification as test cases, for JUnit and TAP.

import GuestMem
import MMU
import Probe

extension ReportSuite {
  /// One case per mapping, one for the unmapped pages, one per expectation, one for the flags,
  /// one for all that is mapped.
  init(_ report: VerificationReport, file: AddressSpaceFile) {
    self.init(name: report.space.name.isEmpty ? file.path : report.space.name)
    properties =
      Self.machines(report) + [
        ("probes", "\(report.total.probeCount)"), ("executed", "\(report.total.executedCount)"),
      ] + ExtentText(report).properties + report.remarks.map { ("warning", $0.message) }
    for (index, mapping) in report.space.mappings.enumerated() {
      cases.append(
        Self.reportCase(
          mapping.name, "mappings", .mapping(index), report, path: file.path,
          line: file.positions.mappings.indices.contains(index)
            ? file.positions.mappings[index].start.line : nil))
    }
    if let slot = report.space.recursiveSlot {
      cases.append(
        Self.reportCase(
          slot.words, "recursive slot", .recursiveSlot, report, path: file.path,
          line: file.positions.recursiveIndex.line))
    }
    if report.tallies[.unasked] != nil {
      cases.append(
        Self.reportCase(
          "present entries that nobody asked for", "unasked", .unasked, report, path: file.path,
          line: nil))
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
    addRangeCase(report, in: report.space)
  }

  private static func reportCase(
    _ name: String, _ group: String, _ subject: ProbeSubject, _ report: VerificationReport,
    path: String, line: Int?
  ) -> ReportCase {
    ReportCase(
      name: name, group: group, outcome: outcome(of: subject, report, in: report.space),
      file: path, line: line)
  }

  /// What came of the probes of `subject`.
  static func outcome(
    of subject: ProbeSubject, _ report: any ProofReport, in space: AddressSpace,
    kinds: [PageKind] = []
  ) -> ReportOutcome {
    let tally = report.tallies[subject] ?? SubjectTally()
    if tally.disagreementCount > 0 {
      let found = report.disagreements.filter { $0.verdict.page.subject.isPart(of: subject) }
      return .failed(
        id: found.first?.verdict.disagreements.ids.first ?? "disagreement",
        message: "\(counted(tally.disagreementCount, "probe", "probes")) disagree",
        details: found.prefix(20).map { DisagreementText($0, in: space, kinds: kinds).text })
    }
    if let failure = rangeFailure(of: subject, report, in: space) { return failure }
    let unproved = report.unproved(of: subject)
    if let ended = unproved.first(where: { !$0.reason.canBeAllowed }) {
      return .errored(
        id: ended.id,
        message: "\(counted(ended.count, "probe", "probes")) not made: \(ended.message)",
        details: unproved.map(UnprovedText.line))
    }
    return UnprovedText.reason(unproved).map { .skipped(reason: $0) } ?? .passed
  }

  /// The case about A and D, which is as wide as the probes that were made.
  static func flagCase(_ report: any ProofReport) -> ReportCase {
    let outcome: ReportOutcome
    if let first = report.flagDisagreements.first {
      outcome = .failed(
        id: "wrong-flags", message: FlagText(first).text.trimmed,
        details: report.flagDisagreements.prefix(20).map { FlagText($0).text.trimmed })
    } else if let reason = UnprovedText.reason(report.unproved) {
      outcome = .skipped(reason: reason)
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
  var trimmed: String { last == "\n" ? String(dropLast()) : self }
}
