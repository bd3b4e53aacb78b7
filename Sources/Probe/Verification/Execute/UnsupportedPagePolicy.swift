// UnsupportedPagePolicy: what becomes of pages that a machine cannot have.

/// What happens to pages that the machine is known not to support.
public enum UnsupportedPagePolicy: Sendable {
  /// They are reported as not run.
  case skip
  /// They are probed, and the model says what the machine does without the feature.
  case probe
}
