// ConformanceReport: what a run of a profile found, or several runs together.

/// What a run of a profile found.
public struct ConformanceReport: Sendable {
  /// The cases.
  public var profile: ConformanceProfile
  /// The share; the whole after a merge.
  public var shard: ConformanceShard
  /// The machine.
  public var machine: MachineProfile
  /// The finished blocks, by their position in the profile's order.
  public var finished: Set<Int>
  /// The sum over them.
  public var total: ConformanceTally
  /// All blocks of the profile, in whatever share.
  public var profileBlockCount: Int
  /// What the machine did, over all finished blocks.
  public var evidence: ConformanceEvidence
  /// Cases that the machine cannot run, by what it lacks; for the whole profile.
  public var notRun: [NotRunReason: Int]
  /// How long the runs took, one after the other.
  public var time: Duration

  /// Takes the parts as they are.
  public init(
    profile: ConformanceProfile, shard: ConformanceShard, machine: MachineProfile,
    finished: Set<Int>, total: ConformanceTally, profileBlockCount: Int,
    evidence: ConformanceEvidence,
    notRun: [NotRunReason: Int], time: Duration
  ) {
    self.profile = profile
    self.shard = shard
    self.machine = machine
    self.finished = finished
    self.total = total
    self.profileBlockCount = profileBlockCount
    self.evidence = evidence
    self.notRun = notRun
    self.time = time
  }

  /// All blocks of the share, finished or not.
  public var blockCount: Int {
    let (share, rest) = max(0, profileBlockCount).quotientAndRemainder(dividingBy: shard.count)
    return share + (shard.number <= rest ? 1 : 0)
  }

  /// True when every block of the share was finished.
  public var isComplete: Bool {
    finished.count { $0 >= 0 && $0 < profileBlockCount && shard.includes($0) } == blockCount
  }

  /// The rules by which the machine differs, and what they explain.
  ///
  /// - Complexity: the whole evidence for each rule.
  public var findings: ConformanceFindings { ConformanceFindings(evidence) }

  /// The same where some rules are expected, which are taken first.
  ///
  /// What no rule explains at `deadline` stays unexplained.
  public func findings(
    knowing known: [Deviation], deadline: ContinuousClock.Instant? = nil
  ) -> ConformanceFindings {
    ConformanceFindings(evidence, knowing: known, deadline: deadline)
  }
}
