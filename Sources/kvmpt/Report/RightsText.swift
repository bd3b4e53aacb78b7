// RightsText: what the probes of a mapping show about its rights, in three letters per privilege.

import MMU
import Probe

/// Rights as found out, such as `rw-|---` for CPL 0 and CPL 3.
enum RightsText {
  /// The letter where every access succeeded, `-` where none did, `?` where some did and `.` where
  /// none was made.
  static func text(_ tallies: [AccessTally]) -> String {
    let letters = PrivilegeLevel.allCases.map { privilege in
      AccessKind.allCases.map { kind in
        letter(kind, tallies[ProbeManner(kind, at: privilege).index])
      }.joined()
    }
    return letters.joined(separator: "|")
  }

  private static func letter(_ kind: AccessKind, _ tally: AccessTally) -> String {
    switch (tally.allowedCount > 0, tally.deniedCount > 0) {
    case (false, false): "."
    case (true, true): "?"
    case (false, true): "-"
    case (true, false):
      switch kind {
      case .read: "r"
      case .write: "w"
      case .fetch: "x"
      }
    }
  }
}
