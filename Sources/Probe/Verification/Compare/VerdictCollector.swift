// VerdictCollector: the verdicts of one worker, tallied; only what differs is kept in full.

import MMU

/// Gathers verdicts.
struct VerdictCollector: Sendable {
  /// So many verdicts are kept in full, and so many wrong flags; the rest is counted.
  static let keptCount = 10_000

  private var table = TallyTable()
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

  /// What was counted, by subject.
  var tallies: [ProbeSubject: SubjectTally] { table.tallies }

  private var keptVerdictCount: Int { disagreements.count + lost.count }

  /// Counts a verdict; true when it does not count yet because another machine is asked.
  @discardableResult
  mutating func add(_ given: ProbeVerdict) -> Bool {
    let subject = Self.tallied(given.page.subject)
    if second == .unproved, given.isOpen, open.hasRoom {
      open.tallies.change(subject) { $0.add(given) }
      if given.isUndecided, open.lost.count < Self.keptCount { open.lost.append(given) }
      return true
    }
    if second == .everything { otherAnswers.add(given) }
    var verdict = given
    verdict.machine = machine
    let keepsMore = keptVerdictCount < Self.keptCount
    table.change(subject) { $0.add(verdict) }
    guard keepsMore else { return false }
    if verdict.isUndecided { lost.append(verdict) }
    if !verdict.disagreements.isEmpty { disagreements.append(verdict) }
    return false
  }

  /// Keeps a page for another machine, which is asked in these manners.
  mutating func addOpen(_ page: ProbePage, _ manners: ProbeManners) {
    if !manners.isEmpty { open.append(page.asked(manners)) }
  }

  /// Counts what was kept for another machine, which cannot be asked.
  mutating func settle() {
    table.merge(open.tallies)
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
  mutating func addUnfinished(_ parts: some Sequence<ProbePage>, _ reason: NotRunReason) {
    for part in parts {
      table.change(Self.tallied(part.subject)) {
        $0.addUnfinished(part.manners, reason, count: Int(clamping: part.pageCount))
      }
    }
  }

  /// Counts pages that have no record of their own in the plan.
  mutating func addUnplanned(_ count: Int, of subject: ProbeSubject, _ reason: NotRunReason) {
    table.change(subject) { $0.addUnplanned(count, reason) }
  }

  /// Counts accesses that need not be made, because others to the same leaf can be.
  mutating func addCovered(_ page: ProbePage) {
    table.change(Self.tallied(page.subject)) { $0.addCovered(1) }
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
    table.merge(other.table)
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
