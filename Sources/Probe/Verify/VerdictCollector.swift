// VerdictCollector: the verdicts of one worker, tallied; only what differs is kept in full.

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

/// Gathers verdicts.
struct VerdictCollector: Sendable {
  /// So many verdicts are kept in full, and so many wrong flags; the rest is counted.
  static let keptCount = 10_000

  private(set) var tallies: [ProbeSubject: SubjectTally] = [:]
  private(set) var disagreements: [ProbeVerdict] = []
  private(set) var lost: [ProbeVerdict] = []
  private(set) var flagDisagreements: [FlagDisagreement] = []
  private(set) var flagDisagreementCount = 0
  /// Entries whose A or D a rule of the machine excuses.
  private(set) var excusedFlags: [Deviation: Int] = [:]
  private(set) var guestTime: Duration = .zero
  /// What another machine is asked about; empty unless there is one.
  private(set) var open = OpenProbes()
  /// What the machine did otherwise than the model, where that is held against another machine.
  private(set) var otherAnswers = OtherAnswers()
  /// What is done with the answers because a second machine is asked; nil without one.
  private let second: SecondMachine.Question?
  /// The name of the machine, which kept verdicts carry.
  private let machine: String?

  /// Gathers the answers of `machine`, after which a second machine is asked about `second`.
  init(machine: String? = nil, second: SecondMachine.Question? = nil) {
    self.machine = machine
    self.second = second
  }

  private var keptVerdictCount: Int { disagreements.count + lost.count }

  /// Counts a verdict; true when it does not count yet because another machine is asked.
  @discardableResult
  mutating func add(_ given: ProbeVerdict) -> Bool {
    let subject = Self.tallied(given.page.subject)
    if second == .unproved, given.isOpen {
      open.tallies[subject, default: SubjectTally()].add(given)
      if given.isUndecided, open.lost.count < Self.keptCount { open.lost.append(given) }
      return true
    }
    if second == .everything { otherAnswers.add(given) }
    var verdict = given
    verdict.machine = machine
    let keepsMore = keptVerdictCount < Self.keptCount
    tallies[subject, default: SubjectTally()].add(verdict)
    guard keepsMore else { return false }
    if verdict.isUndecided { lost.append(verdict) }
    if !verdict.disagreements.isEmpty { disagreements.append(verdict) }
    return false
  }

  /// Keeps a page for another machine, which is asked in these manners.
  mutating func addOpen(_ page: ProbePage, _ manners: ProbeManners) {
    if !manners.isEmpty { open.pages.append(page.asked(manners)) }
  }

  /// Counts what was kept for another machine, which cannot be asked.
  mutating func settle() {
    for (subject, tally) in open.tallies {
      tallies[subject, default: SubjectTally()].merge(tally)
    }
    lost += open.lost.prefix(max(0, Self.keptCount - keptVerdictCount))
    open = OpenProbes()
  }

  /// Forgets what was kept for another machine, which has answered.
  mutating func dropOpen() { open = OpenProbes() }

  /// True when the run ended before the plan did.
  var isUnfinished: Bool {
    tallies.values.contains { $0.notRun.keys.contains(where: \.meansUnfinished) }
  }

  /// Counts the probes of pages that nobody was asked about any more, not even the model.
  mutating func addUnfinished(_ pages: ArraySlice<ProbePage>, _ reason: NotRunReason) {
    for page in pages {
      tallies[Self.tallied(page.subject), default: SubjectTally()].addUnfinished(
        page.manners, reason)
    }
  }

  /// Counts pages that have no record of their own in the plan.
  mutating func addUnplanned(_ count: Int, of subject: ProbeSubject, _ reason: NotRunReason) {
    tallies[subject, default: SubjectTally()].addUnplanned(count, reason)
  }

  /// Counts accesses that need not be made, because others to the same leaf can be.
  mutating func addCovered(_ page: ProbePage) {
    tallies[Self.tallied(page.subject), default: SubjectTally()].addCovered(1)
  }

  /// Gaps are one subject, whatever mapping is near.
  private static func tallied(_ subject: ProbeSubject) -> ProbeSubject {
    if case .gap = subject { return .gap(nearMapping: -1) }
    return subject
  }

  mutating func add(_ given: FlagDisagreement) {
    flagDisagreementCount += 1
    var disagreement = given
    disagreement.machine = machine
    if flagDisagreements.count < Self.keptCount { flagDisagreements.append(disagreement) }
  }

  /// Counts an entry that is as no manual says, but as a rule of the machine does.
  mutating func addExcused(_ rule: Deviation) { excusedFlags[rule, default: 0] += 1 }

  mutating func addGuestTime(_ time: Duration) { guestTime += time }

  mutating func merge(_ other: VerdictCollector) {
    for (subject, tally) in other.tallies {
      tallies[subject, default: SubjectTally()].merge(tally)
    }
    disagreements += other.disagreements.prefix(Self.keptCount - keptVerdictCount)
    lost += other.lost.prefix(Self.keptCount - keptVerdictCount)
    flagDisagreements += other.flagDisagreements.prefix(
      Self.keptCount - flagDisagreements.count)
    flagDisagreementCount += other.flagDisagreementCount
    excusedFlags.merge(other.excusedFlags, uniquingKeysWith: +)
    guestTime += other.guestTime
    open.merge(other.open)
    otherAnswers.merge(other.otherAnswers)
  }
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
  fileprivate mutating func addCovered(_ count: Int) {
    let (sum, isTooMuch) = coveredCount.addingReportingOverflow(count)
    coveredCount = isTooMuch ? .max : sum
  }

  fileprivate mutating func addUnplanned(_ count: Int, _ reason: NotRunReason) {
    probeCount += 6 * count
    notRun[reason, default: 0] += 6 * count
    for index in 0..<6 {
      asked[index].missingCount += count
      modelled[index].missingCount += count
      executed[index].missingCount += count
    }
  }

  fileprivate mutating func addUnfinished(_ manners: ProbeManners, _ reason: NotRunReason) {
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
