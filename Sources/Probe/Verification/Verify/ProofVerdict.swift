// ProofVerdict: what a report comes to. The exit code of `kvmpt verify` says the same.

/// What a report about probes comes to.
///
/// Of several that apply, the first counts.
public enum ProofVerdict: String, CaseIterable, Hashable, Sendable {
  /// Two answers differ.
  case disagreement
  /// Nothing disagrees, and somebody ended the run.
  case interrupted
  /// Nothing disagrees, and the time limit ended the run.
  case unfinished
  /// Nothing disagrees, and something that was asked was not executed, or its answer proves nothing.
  case unproved
  /// Everything that was asked was executed, and agrees.
  case agreement
}

extension ProofReport {
  /// What the report comes to when `isAllowed` says which unproved things do not count.
  public func verdict(allowing isAllowed: (Unproved) -> Bool) -> ProofVerdict {
    if hasDisagreement { return .disagreement }
    let notRun = total.notRun
    func ended(_ reason: NotRunReason) -> Bool {
      notRun[reason] != nil || comparison?.unfinished?.reason == reason
    }
    if ended(.interrupted) { return .interrupted }
    if ended(.timeLimit) { return .unfinished }
    return unproved.allSatisfy { $0.reason.canBeAllowed && isAllowed($0) } ? .agreement : .unproved
  }

  /// What the report comes to.
  public var verdict: ProofVerdict { verdict { _ in false } }

  /// True when two answers differ, about a probe, a flag or a range.
  public var hasDisagreement: Bool {
    total.disagreementCount > 0 || !flagDisagreements.isEmpty
      || (comparison?.differenceCount ?? 0) > 0
  }

  /// True when everything that was asked was executed and agrees: when `kvmpt verify` ends with
  /// code 0.
  public var isAgreement: Bool { verdict == .agreement }

  /// What is not proved of `subject`; one of which no probe was planned is not proved at all.
  public func unproved(of subject: ProbeSubject) -> [Unproved] {
    let walker = profile?.identity.walker
    guard let tally = tallies[subject], tally.probeCount > 0 else {
      return [Unproved(.notPlanned, count: 1, of: .subjects, on: walker)]
    }
    return machines.withRemedies(tally.unproved(on: walker))
  }

  /// What was asked and is not proved, by reason in the order of ``UnprovedReason/allCases``.
  public var unproved: [Unproved] {
    let walker = profile?.identity.walker
    let sum = total
    var result = sum.unproved(on: walker)
    result += excusedFlags.sorted { $0.key.message < $1.key.message }.map {
      Unproved(.explained, deviation: $0.key, count: $0.value, of: .entries, on: walker)
    }
    if let reason = comparison?.unfinished?.reason, sum.notRun[reason] == nil {
      result.append(Unproved(.notRun(reason), count: 0, on: walker))
    }
    if unplannedCount > 0 {
      result.append(Unproved(.notPlanned, count: unplannedCount, of: .subjects, on: walker))
    }
    if result.isEmpty && sum.executedCount == 0 {
      result.append(Unproved(.nothingExecuted, count: 0, on: walker))
    }
    result += unprovedTables
    return machines.withRemedies(result)
  }
}
