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
    (0..<profileBlockCount).count { shard.includes($0) }
  }

  /// True when every block of the share was finished.
  public var isComplete: Bool { finished.count == blockCount }

  /// The rules by which the machine differs, and what they explain.
  ///
  /// Complexity: the whole evidence for each rule.
  public var findings: ConformanceFindings { ConformanceFindings(evidence) }

  /// The same where some rules are known already, which are taken first.
  func findings(knowing known: [Deviation]) -> ConformanceFindings {
    ConformanceFindings(evidence, knowing: known)
  }
}

/// How a machine differs from the manual.
public struct ConformanceFindings: Sendable {
  /// The rules with the number of cases that each explains, the one that explains most first.
  public private(set) var rules: [(rule: Deviation, count: Int)] = []
  /// Differences that no rule explains.
  public private(set) var unexplained: [DifferenceRecord] = []

  /// Derives rules from evidence.
  init(_ evidence: ConformanceEvidence, knowing known: [Deviation] = []) {
    let derived = known + RuleDerivation(evidence, knowing: known).rules()
    var counts = [Int](repeating: 0, count: derived.count)
    for (difference, record) in evidence.differences {
      let subject = difference.key.subject
      let index = derived.firstIndex {
        $0.applies(to: subject)
          && $0.effect.allows(
            difference.response, insteadOf: difference.key.modelled, subject)
      }
      if let index { counts[index] += record.count } else { unexplained.append(record) }
    }
    rules = zip(derived, counts).filter { $0.1 > 0 }.map { ($0, $1) }
    unexplained.sort {
      ($0.example.block, $0.example.address) < ($1.example.block, $1.example.address)
    }
  }

  /// Cases that a rule explains.
  public var explainedCount: Int { rules.reduce(0) { $0 + $1.count } }
  /// Cases that none explains.
  public var unexplainedCount: Int { unexplained.reduce(0) { $0 + $1.count } }
}
