// Agreement: what a test accepts as unproved on the machine at hand, by name.

import Probe

extension ProofReport {
  /// True when nothing disagrees and nothing is unproved but for `reasons`.
  func agrees(but reasons: Set<String>) -> Bool {
    verdict { reasons.contains($0.id) } == .agreement
  }
}

/// What a machine may lack or do by itself, whatever the tables are.
let lacksOfMachines: Set = [
  "no-1gib-pages", "no-5-level-paging", "no-such-physical-address", "explained",
]
