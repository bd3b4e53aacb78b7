// TrialOutcome: what came of turning a feature on.

/// What came of trying a feature.
public enum TrialOutcome: Hashable, Sendable {
  /// The guest does what the manual says.
  case works
  /// KVM refused to turn the feature on, in its own words.
  case refused(String)
  /// The guest does something else, in words.
  case differs(String)
  /// Time ran out before it was known.
  case unfinished
}
