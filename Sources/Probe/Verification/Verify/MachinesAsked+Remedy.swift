// What would prove what the machines that were asked did not.

import KVM

extension MachinesAsked {
  /// The same reasons, each with what would prove it where the machine that left it so was asked,
  /// or could not be.
  func withRemedies(_ unproved: [Unproved]) -> [Unproved] {
    let known = answers.map { (answers: $0, total: $0.total) }
    return unproved.map { part in
      guard part.reason.dependsOnMachine else { return part }
      if let problem {
        return part.remedied(
          by: "QEMU, which could not be asked: \(problem.message) (\(problem.hint))")
      }
      guard let found = known.first(where: { $0.answers.has(part, in: $0.total) }) else {
        return part
      }
      return part.remedied(by: part.reason.remedy(on: found.answers.profile.identity.walker))
    }
  }
}

extension UnprovedReason {
  /// True when another kind of machine might prove it.
  var dependsOnMachine: Bool {
    switch self {
    case .notRun(let reason): reason.dependsOnMachine
    case .explained, .guestLost: true
    case .notPlanned, .nothingExecuted, .tableOutsideMemory, .nothingMapped: false
    }
  }
}

extension MachineAnswers {
  /// True when this machine left it unproved; `total` is the sum over all subjects.
  fileprivate func has(_ part: Unproved, in total: SubjectTally) -> Bool {
    switch part.reason {
    case .notRun(let reason): return total.notRun[reason] != nil
    case .explained:
      guard let rule = part.deviation else { return false }
      return part.unit == .entries ? excusedFlags[rule] != nil : total.deviations[rule] != nil
    case .guestLost: return total.lostCount > 0
    case .notPlanned, .nothingExecuted, .tableOutsideMemory, .nothingMapped: return false
    }
  }
}
