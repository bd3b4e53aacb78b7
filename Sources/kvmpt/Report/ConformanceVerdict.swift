// ConformanceVerdict: what a comparison of a machine with the manual comes to.

import Probe

/// What a comparison of a machine with the manual comes to; the first that applies.
enum ConformanceVerdict: String, CaseIterable {
  /// A case differs that no rule explains, or by a rule that the baseline does not have.
  case disagreement
  /// Not every block of the share was run.
  case incomplete
  /// The share has no case that this machine can run.
  case nothingExecuted = "nothing-executed"
  /// Cases differ by rules of the baseline only.
  case expected = "expected-deviations"
  /// Every case is as the manual says.
  case agreement

  init(_ report: ConformanceReport, _ findings: ConformanceFindings) {
    if !findings.isExpected {
      self = .disagreement
    } else if !report.isComplete {
      self = .incomplete
    } else if report.total.caseCount == 0 {
      self = .nothingExecuted
    } else {
      self = report.total.differingCount > 0 ? .expected : .agreement
    }
  }
}
