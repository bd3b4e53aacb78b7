// What would prove what the machines that were asked did not.

import KVM

extension MachinesAsked {
  /// The same reasons, each with what would prove it where the machine that left it so was asked,
  /// or could not be.
  func withRemedies(_ unproved: [Unproved]) -> [Unproved] {
    let totals = answers.map { ($0.profile.identity.walker, $0.total) }
    return unproved.map { part in
      guard part.reason.dependsOnMachine else { return part }
      if let problem {
        return part.remedied(
          by: "QEMU, which could not be asked: \(problem.message) (\(problem.hint))")
      }
      guard let walker = totals.first(where: { $0.1.has(part) })?.0 else { return part }
      return part.remedied(by: part.reason.remedy(on: walker))
    }
  }
}

extension UnprovedReason {
  /// True when another kind of machine might prove it.
  var dependsOnMachine: Bool {
    switch self {
    case .notRun(let reason): reason.dependsOnMachine
    case .explained, .guestLost: true
    case .notPlanned, .nothingExecuted: false
    }
  }
}

extension SubjectTally {
  fileprivate func has(_ part: Unproved) -> Bool {
    switch part.reason {
    case .notRun(let reason): notRun[reason] != nil
    case .explained: part.deviation.map { deviations[$0] != nil } ?? false
    case .guestLost: lostCount > 0
    case .notPlanned, .nothingExecuted: false
    }
  }
}
