// ConformanceModel: the model of the manual, whole, or without one rule to see that a run notices.

import MMU

/// The rules of the model; all of them, but in tests of the comparison itself.
struct ConformanceModel: RuleSelection {
  /// The rule that is left out, or nil.
  var missingRule: ArchitectureRule?

  func includes(_ rule: ArchitectureRule) -> Bool { rule != missingRule }
}
