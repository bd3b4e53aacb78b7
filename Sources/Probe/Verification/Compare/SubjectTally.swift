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
///
/// Equal tallies of many subjects can share their counts: a copy is made where one is changed.
@dynamicMemberLookup
public struct SubjectTally: Sendable {
  private var shared: SharedCounts

  /// Nothing yet.
  public init() { shared = .none }

  /// What was counted.
  public subscript<Value>(dynamicMember path: WritableKeyPath<SubjectCounts, Value>) -> Value {
    get { shared.counts[keyPath: path] }
    _modify {
      makeUnique()
      yield &shared.counts[keyPath: path]
    }
  }

  /// What was counted.
  var counts: SubjectCounts { shared.counts }

  /// Changes what was counted.
  mutating func change(_ change: (inout SubjectCounts) -> Void) {
    makeUnique()
    change(&shared.counts)
  }

  private mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&shared) { shared = SharedCounts(shared.counts) }
  }

  /// True when nothing was ever counted.
  private var isEmpty: Bool { shared === SharedCounts.none }

  /// True when nobody else has these counts; asked before they are changed.
  mutating func isUnique() -> Bool { isKnownUniquelyReferenced(&shared) }
}

extension SubjectTally: Hashable {
  /// True when both counted the same.
  public static func == (first: SubjectTally, second: SubjectTally) -> Bool {
    first.shared === second.shared || first.counts == second.counts
  }

  /// Adds what was counted.
  public func hash(into hasher: inout Hasher) { hasher.combine(counts) }
}

/// The counts of one or more tallies.
///
/// SAFETY: `counts` change only where one tally refers to them, which is a value of one thread.
private final class SharedCounts: @unchecked Sendable {
  static let none = SharedCounts(SubjectCounts())
  var counts: SubjectCounts

  init(_ counts: SubjectCounts) { self.counts = counts }
}

/// What a ``SubjectTally`` counts.
public struct SubjectCounts: Hashable, Sendable {
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
  /// The address of the first probe of an expectation that was made; it has no other.
  public var probedAddress: UInt64?

  /// Nothing yet.
  init() {}
}

extension SubjectCounts {
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
      noteAddress(of: verdict)
      lostCount += 1
      executed[index].missingCount += 1
      if !verdict.disagreements.isEmpty { disagreementCount += 1 }
      return
    case .success: executed[index].allowedCount += 1
    case .pageFault, .exception: executed[index].deniedCount += 1
    }
    executedCount += 1
    addCovered(Int(clamping: verdict.page.furtherPageCount))
    noteAddress(of: verdict)
    if let deviation = verdict.deviation { deviations[deviation, default: 0] += 1 }
    if !verdict.disagreements.isEmpty {
      disagreementCount += 1
    } else if verdict.deviation == nil {
      agreementCount += 1
    }
  }

  private mutating func noteAddress(of verdict: ProbeVerdict) {
    if case .expectation = verdict.page.subject, probedAddress == nil {
      probedAddress = verdict.address
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

  mutating func addUnfinished(
    _ manners: ProbeManners, _ reason: NotRunReason, count: Int = 1
  ) {
    for index in 0..<6 where manners.rawValue >> UInt8(index) & 1 != 0 {
      probeCount += count
      notRun[reason, default: 0] += count
      asked[index].missingCount += count
      modelled[index].missingCount += count
      executed[index].missingCount += count
    }
  }

  /// Adds the counts of another tally; a sum that is too large for its type is the largest number.
  mutating func merge(_ other: SubjectCounts) {
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

extension SubjectTally {
  /// Adds another tally of the same or of other subjects.
  ///
  /// A sum that is too large for its type is the largest number.
  public mutating func merge(_ other: SubjectTally) {
    if isEmpty { self = other } else { change { $0.merge(other.counts) } }
  }

  mutating func add(_ verdict: ProbeVerdict) { change { $0.add(verdict) } }

  mutating func addCovered(_ count: Int) { change { $0.addCovered(count) } }

  mutating func addUnplanned(_ count: Int, _ reason: NotRunReason) {
    change { $0.addUnplanned(count, reason) }
  }

  mutating func addUnfinished(
    _ manners: ProbeManners, _ reason: NotRunReason, count: Int = 1
  ) {
    change { $0.addUnfinished(manners, reason, count: count) }
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
