// SampleJudgement: what a sample of the access matrix says about a machine.

import MMU

/// Which rules follow from a sample, which features it takes away, and whether the rest is believed.
struct SampleJudgement {
  /// The counts.
  private(set) var sample: MatrixSample
  /// Rules that were not known before.
  private(set) var rules: [Deviation] = []
  /// Features whose modes showed what other modes did not, with the first case.
  private(set) var withdrawn: [MachineFeature: String] = [:]
  /// A case in which the machine does not do what every machine does, or nil.
  private(set) var problem: String?

  private let known: [Deviation]

  init(
    _ sample: MatrixSample, _ groups: SampleRun.Groups, knowing known: [Deviation],
    deadline: ContinuousClock.Instant
  ) {
    self.sample = sample
    self.known = known
    // What the plain modes allow and deny is what every machine must do right: no rule excuses that,
    // and no feature is to blame.
    let plain = groups[[]] ?? ConformanceEvidence()
    problem = Self.first(of: plain) {
      !Self.isExplained($0, by: known) && $0.changesWhetherTheAccessSucceeds
    }
    guard problem == nil else {
      count(in: groups)
      return
    }
    // What another mode allows and denies is what its feature is for: no rule excuses that either.
    withdraw(in: groups) {
      !Self.isExplained($0, by: known) && $0.changesWhetherTheAccessSucceeds
        && plain.differences[$0] == nil && $0.isAttributable(to: plain)
    }
    let believed = groups.filter { $0.key.isDisjoint(with: withdrawn.keys) }
    var evidence = ConformanceEvidence()
    for group in believed.values { evidence.merge(group) }
    let derivation = RuleDerivation(evidence, knowing: known, deadline: deadline)
    rules = derivation.rules()
    let isUnfinished = derivation.isOutOfTime
    count(in: groups)
    // Where the search for rules was cut short, nothing else is held against the machine.
    guard !isUnfinished else { return }
    let all = known + rules
    withdraw(in: believed) {
      !Self.isExplained($0, by: all) && plain.differences[$0] == nil
        && $0.isAttributable(to: plain)
    }
    problem = Self.first(of: plain) { !Self.isExplained($0, by: all) }
  }

  /// The first case with such a difference, in words.
  private static func first(
    of evidence: ConformanceEvidence, where isWrong: (EvidenceDifference) -> Bool
  ) -> String? {
    evidence.differences.filter { isWrong($0.key) }.map(\.value.example).min {
      ($0.block, $0.address) < ($1.block, $1.address)
    }?.words
  }

  /// Takes away the features of modes with such differences.
  ///
  /// A feature by whose rule an access should fail is to blame where it succeeds. Otherwise, modes with
  /// fewer features come first: what they show is not held against a feature that is on as well, and
  /// a feature whose own modes show nothing keeps its good name where another is on that was not
  /// seen alone.
  private mutating func withdraw(
    in groups: SampleRun.Groups, where isWrong: (EvidenceDifference) -> Bool
  ) {
    let order = groups.keys.filter { !$0.isEmpty }.sorted {
      ($0.count, $0.map(\.rawValue).sorted().joined())
        < ($1.count, $1.map(\.rawValue).sorted().joined())
    }
    for features in order {
      for feature in MachineFeature.allCases
      where features.contains(feature) && withdrawn[feature] == nil {
        withdrawn[feature] = groups[features].flatMap { group in
          Self.first(of: group) {
            isWrong($0) && $0.isAllowedByTheMachine && $0.key.subject.rule?.feature == feature
          }
        }
      }
    }
    var clean: Set<Set<MachineFeature>> = []
    for features in order where features.isDisjoint(with: withdrawn.keys) {
      guard let first = groups[features].flatMap({ Self.first(of: $0, where: isWrong) }) else {
        clean.insert(features)
        continue
      }
      let innocent = clean.filter { $0.isSubset(of: features) }.reduce(into: Set()) {
        $0.formUnion($1)
      }
      let blamed = features.subtracting(innocent)
      for feature in blamed.isEmpty ? features : blamed { withdrawn[feature] = first }
    }
  }

  private static func isExplained(_ difference: EvidenceDifference, by rules: [Deviation]) -> Bool {
    let subject = difference.key.subject
    return rules.contains {
      $0.applies(to: subject)
        && $0.effect.allows(difference.response, insteadOf: difference.key.modelled, subject)
    }
  }

  private mutating func count(in groups: SampleRun.Groups) {
    for group in groups.values {
      for (difference, record) in group.differences {
        if Self.isExplained(difference, by: known + rules) {
          sample.explainedCount += record.count
        } else {
          sample.leftCount += record.count
          sample.leftKindCount += 1
        }
      }
    }
  }
}

extension EvidenceDifference {
  /// True when a feature can be to blame: the rule that should have decided is a feature's, or the
  /// modes without features show that the machine keeps it.
  ///
  /// A rule that they did not come to may be broken there, too; that says nothing about a feature that
  /// happened to be on.
  fileprivate func isAttributable(to plain: ConformanceEvidence) -> Bool {
    if case .lost = response { return true }
    let rule = key.subject.rule
    if rule?.feature != nil { return true }
    return plain.agreed.keys.contains { $0.subject.rule == rule }
      || plain.differences.keys.contains {
        $0.key.subject.rule == rule && !$0.changesWhetherTheAccessSucceeds
      }
  }

  /// True when the machine does not deny the access.
  fileprivate var isAllowedByTheMachine: Bool {
    switch response {
    case .success, .wrongPage: true
    case .lost, .pageFault, .wrongAddress, .exception, .flags: false
    }
  }

  /// True when the machine allows what the manual denies, or the other way round, or does not come
  /// back; false for details such as bits of an error code, A and D.
  fileprivate var changesWhetherTheAccessSucceeds: Bool {
    let isAllowed = if case .success = key.modelled { true } else { false }
    return switch response {
    case .success: !isAllowed
    case .wrongPage, .lost: true
    case .pageFault, .wrongAddress, .exception: isAllowed
    case .flags: false
    }
  }
}

extension ArchitectureRule {
  /// The feature whose rule it is, of those that a machine can do without.
  fileprivate var feature: MachineFeature? {
    switch self {
    case .smepStopsSupervisorFetch: .smep
    case .smapStopsSupervisorRead, .smapStopsSupervisorWrite: .smap
    case .userKeyAccessDisable, .userKeyWriteDisable: .protectionKeys
    case .supervisorKeyAccessDisable, .supervisorKeyWriteDisable: .supervisorProtectionKeys
    default: nil
    }
  }
}
