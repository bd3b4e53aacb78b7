// TableLiveness: whether a processor walks tables while they are changed.

/// Whether a processor may be walking the tables while they are changed.
public enum TableLiveness: Hashable, Sendable {
  /// A processor may set A and D bits at any moment; entries change by locked operations only.
  case live
  /// No processor runs on the tables; entries are loaded and stored plainly.
  case offline
}
