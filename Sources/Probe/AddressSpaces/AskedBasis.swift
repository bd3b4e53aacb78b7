// AskedBasis: what somebody who lists mappings means by their rights.

/// What somebody who lists mappings means by their rights.
public enum AskedBasis: Hashable, Sendable {
  /// What accesses may do.
  case effective
  /// The bits of the leaves alone, as QEMU's `info tlb` shows them.
  case leaf
  /// Nothing: there are no mappings that anybody asked for.
  case nothing
}
