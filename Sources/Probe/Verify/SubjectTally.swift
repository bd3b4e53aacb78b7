// SubjectTally: what was found about the pages of one subject, in numbers.

import MMU

/// How often an access was allowed and denied.
public struct AccessTally: Hashable, Sendable {
  /// Successful accesses.
  public var allowedCount = 0
  /// Accesses that faulted.
  public var deniedCount = 0
  /// Accesses without an answer.
  public var missingCount = 0
}

/// What was found about the pages of one subject.
public struct SubjectTally: Hashable, Sendable {
  /// The number of probes.
  public var probeCount = 0
  /// The number of probes that were made and answered.
  public var executedCount = 0
  /// The number of probes whose three answers agree, and not only but for a deviation.
  public var agreementCount = 0
  /// The number of probes whose answers disagree.
  public var disagreementCount = 0
  /// The number of probes that killed the guest.
  public var lostCount = 0
  /// The number of accesses beside the probes that the model judges alone: those to further pages of
  /// leaves that were executed in the same manner.
  public var coveredCount = 0
  /// Per manner, what was asked for.
  public var asked = [AccessTally](repeating: AccessTally(), count: 6)
  /// Per manner, what the model says.
  public var modelled = [AccessTally](repeating: AccessTally(), count: 6)
  /// Per manner, what the machine did.
  public var executed = [AccessTally](repeating: AccessTally(), count: 6)
  /// Probes that were not made, by reason.
  public var notRun: [NotRunReason: Int] = [:]
  /// Probes that a deviation of the machine explains.
  public var deviations: [Deviation: Int] = [:]

  /// The address of the first probe that was made; an expectation has no other.
  public var probedAddress: UInt64?

  /// Nothing yet.
  public init() {}
}

extension SubjectTally {
  mutating func add(_ verdict: ProbeVerdict) {
    probeCount += 1
    let index = verdict.manner.index
    switch verdict.asked {
    case .allowed, .allowedByLeaf, .expected(.success): asked[index].allowedCount += 1
    case .unsaid: asked[index].missingCount += 1
    case .forbidden, .absent, .expected(.fault): asked[index].deniedCount += 1
    }
    if case .success = verdict.modelled {
      modelled[index].allowedCount += 1
    } else {
      modelled[index].deniedCount += 1
    }
    switch verdict.executed {
    case .notRun(let reason):
      notRun[reason, default: 0] += 1
      executed[index].missingCount += 1
      if !verdict.disagreements.isEmpty { disagreementCount += 1 }
      return
    case .lost:
      probedAddress = probedAddress ?? verdict.address
      lostCount += 1
      executed[index].missingCount += 1
      if !verdict.disagreements.isEmpty { disagreementCount += 1 }
      return
    case .success: executed[index].allowedCount += 1
    case .pageFault, .exception: executed[index].deniedCount += 1
    }
    executedCount += 1
    addCovered(Int(clamping: verdict.page.furtherPageCount))
    probedAddress = probedAddress ?? verdict.address
    if let deviation = verdict.deviation { deviations[deviation, default: 0] += 1 }
    if !verdict.disagreements.isEmpty {
      disagreementCount += 1
    } else if verdict.deviation == nil {
      agreementCount += 1
    }
  }

  /// Counts up to `Int.max`: a plan that somebody made may say anything.
  mutating func addCovered(_ count: Int) {
    let (sum, isTooMuch) = coveredCount.addingReportingOverflow(count)
    coveredCount = isTooMuch ? .max : sum
  }

  mutating func addUnplanned(_ count: Int, _ reason: NotRunReason) {
    probeCount += 6 * count
    notRun[reason, default: 0] += 6 * count
    for index in 0..<6 {
      asked[index].missingCount += count
      modelled[index].missingCount += count
      executed[index].missingCount += count
    }
  }

  mutating func addUnfinished(_ manners: ProbeManners, _ reason: NotRunReason) {
    for index in 0..<6 where manners.rawValue >> UInt8(index) & 1 != 0 {
      probeCount += 1
      notRun[reason, default: 0] += 1
      asked[index].missingCount += 1
      modelled[index].missingCount += 1
      executed[index].missingCount += 1
    }
  }

  /// Adds another tally of the same or of other subjects.
  ///
  /// A sum that is too large for its type is the largest number.
  public mutating func merge(_ other: SubjectTally) {
    probeCount = probeCount.clampedSum(other.probeCount)
    executedCount = executedCount.clampedSum(other.executedCount)
    agreementCount = agreementCount.clampedSum(other.agreementCount)
    disagreementCount = disagreementCount.clampedSum(other.disagreementCount)
    lostCount = lostCount.clampedSum(other.lostCount)
    addCovered(other.coveredCount)
    asked.merge(other.asked)
    modelled.merge(other.modelled)
    executed.merge(other.executed)
    probedAddress = probedAddress ?? other.probedAddress
    notRun.merge(other.notRun) { $0.clampedSum($1) }
    deviations.merge(other.deviations) { $0.clampedSum($1) }
  }
}

extension [AccessTally] {
  /// Adds what was counted for each manner; of a longer list the rest is taken.
  fileprivate mutating func merge(_ other: [AccessTally]) {
    for (index, tally) in zip(indices, other) { self[index].merge(tally) }
    append(contentsOf: other.dropFirst(count))
  }
}

extension AccessTally {
  fileprivate mutating func merge(_ other: AccessTally) {
    allowedCount = allowedCount.clampedSum(other.allowedCount)
    deniedCount = deniedCount.clampedSum(other.deniedCount)
    missingCount = missingCount.clampedSum(other.missingCount)
  }
}
