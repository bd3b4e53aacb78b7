// UnprovedText: what is not proved, in the words of every format.

import Probe

/// What is not proved, in words.
enum UnprovedText {
  /// How much of what, why, and what would prove it, in one line.
  static func line(_ unproved: Unproved) -> String {
    let subject = subject(unproved).map { "\($0), " } ?? ""
    return "unproved: \(subject)\(unproved.message) [\(unproved.id)];"
      + " what would prove it: \(unproved.remedy)"
  }

  /// The lines about all of them, or nil where everything is proved.
  static func reason(_ unproved: [Unproved]) -> String? {
    unproved.isEmpty ? nil : unproved.map(line).joined(separator: "; ")
  }

  /// Such as `18 probes`, or nil where nothing can be counted.
  private static func subject(_ unproved: Unproved) -> String? {
    switch unproved.unit {
    case _ where unproved.count == 0: nil
    case .probes: counted(unproved.count, "probe", "probes")
    case .entries: counted(unproved.count, "entry", "entries")
    case .subjects: counted(unproved.count, "mapping or expectation", "mappings or expectations")
    }
  }
}
