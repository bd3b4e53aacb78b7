// ProbeExtent: how much of what is mapped a plan executes.

/// How much of what is mapped is executed.
public enum ProbeExtent: String, CaseIterable, Hashable, Sendable {
  /// Each leaf entry and each link at least once, and a larger page at three of its addresses.
  case reduced
  /// Each 4 KiB page of each leaf, through every path to it.
  case exhaustive

  /// What is to be executed, exactly.
  public var statement: String {
    switch self {
    case .reduced:
      "each leaf entry and link in all six ways, for each level and set of rights that it is used with;"
        + " a page larger than 4 KiB at its first, middle and last 4 KiB (--exhaustive: at every one)"
    case .exhaustive:
      "every 4 KiB page of each leaf in all six ways, through every path; what nothing maps is sampled"
    }
  }
}
