// What was asked for, held whole against the tables, as a test case.

import Probe

extension ReportSuite {
  /// One case for all ranges; none where nobody asked for anything.
  mutating func addRangeCase(_ report: any ProofReport, in space: AddressSpace) {
    guard let comparison = report.comparison else { return }
    let words = RangeComparisonText(comparison: comparison, space: space)
    if let notCompared = words.notCompared { properties.append(("not compared", notCompared)) }
    let texts = words.differences(20).map(\.trimmed)
    var outcome = ReportOutcome.passed
    if let first = comparison.differences.first {
      outcome = .failed(
        id: first.kind.rawValue,
        message: counted(
          comparison.differenceCount, "range is not as asked for", "ranges are not as asked for"),
        details: texts)
    } else if let unfinished = comparison.unfinished {
      outcome = .errored(
        id: unfinished.reason.rawValue, message: words.extent,
        details: report.unproved.map(UnprovedText.line))
    }
    cases.append(
      ReportCase(
        name: "all that is mapped is what was asked for, by the manual", group: "ranges",
        outcome: outcome, notes: words.lines))
  }

  /// The failure of a mapping which the tables do not have as it was asked for.
  static func rangeFailure(
    of subject: ProbeSubject, _ report: any ProofReport, in space: AddressSpace
  ) -> ReportOutcome? {
    guard let comparison = report.comparison else { return nil }
    if subject == .recursiveSlot { return recursiveFailure(comparison, in: space) }
    guard case .mapping(let index) = subject, comparison.differingMappings.contains(index) else {
      return nil
    }
    let texts = RangeComparisonText(comparison: comparison, space: space)
      .differences(20, ofMapping: index)
    let kept = comparison.differences.first { $0.asked?.mapping == index }
    return .failed(
      id: kept?.kind.rawValue ?? "disagreement",
      message: texts.first?.trimmed ?? "a range of it is not as asked for",
      details: texts.map(\.trimmed))
  }

  /// The failure of the recursive slot, which the tables do not have as it was asked for.
  private static func recursiveFailure(
    _ comparison: RangeComparison, in space: AddressSpace
  ) -> ReportOutcome? {
    guard let found = comparison.differences.first(where: { $0.asked?.isRecursive == true }) else {
      return nil
    }
    let text = RangeDifferenceText(difference: found, comparison: comparison, space: space).text
    return .failed(id: found.kind.rawValue, message: text.trimmed, details: [text.trimmed])
  }
}
