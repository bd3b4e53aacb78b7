// ConformanceFindings: the rules by which a machine differs from the manual, expected ones and new.

import MMU

/// How a machine differs from the manual.
public struct ConformanceFindings: Sendable {
  /// The rules with the number of cases that each explains: those that were expected, then those
  /// that were derived, the one that explains most first.
  public private(set) var rules: [(rule: Deviation, count: Int)] = []
  /// Differences that no rule explains.
  public private(set) var unexplained: [DifferenceRecord] = []
  /// The rules that nobody expected, as far as they explain cases.
  public private(set) var newRules: [(rule: Deviation, count: Int)] = []
  /// Rules that were expected and that explain nothing.
  public private(set) var unseen: [Deviation] = []
  /// Rules that were expected, and cases that they cover and in which the machine follows the manual;
  /// such a rule explains nothing.
  public private(set) var refuted: [(rule: Deviation, count: Int)] = []
  /// False when time ended the search for rules: what is unexplained may be so for that reason alone.
  public private(set) var isSearchComplete = true

  /// Takes the rules in `known` that no case contradicts, and derives others for the rest; what no
  /// rule explains at `deadline` stays unexplained.
  init(
    _ evidence: ConformanceEvidence, knowing known: [Deviation] = [],
    deadline: ContinuousClock.Instant? = nil
  ) {
    var expected: [Deviation] = []
    for rule in known {
      let count = evidence.contradictionCount(of: rule)
      if count > 0 { refuted.append((rule, count)) } else { expected.append(rule) }
    }
    let derivation = RuleDerivation(evidence, knowing: expected, deadline: deadline)
    let derived = expected + derivation.rules()
    isSearchComplete = !derivation.hasDifferences || !derivation.isOutOfTime
    var counts = [Int](repeating: 0, count: derived.count)
    for (difference, record) in evidence.differences {
      let index = derived.firstIndex { $0.explains(difference) }
      if let index {
        counts[index] = counts[index].clampedSum(record.count)
      } else {
        unexplained.append(record)
      }
    }
    let found = zip(derived, counts).filter { $0.1 > 0 }.map { (rule: $0, count: $1) }
    rules = found
    newRules = found.filter { !expected.contains($0.rule) }
    unseen = expected.filter { rule in !found.contains { $0.rule == rule } }
    unexplained.sort {
      ($0.example.block, $0.example.address) < ($1.example.block, $1.example.address)
    }
  }

  /// The differences alone, while a run goes on: no rule is derived, so that none explains them.
  public init(underived evidence: ConformanceEvidence) {
    unexplained = Array(evidence.differences.values)
  }

  /// Cases that a rule explains.
  public var explainedCount: Int { rules.reduce(0) { $0.clampedSum($1.count) } }
  /// Cases that none explains.
  public var unexplainedCount: Int { unexplained.reduce(0) { $0.clampedSum($1.count) } }
  /// Cases that only a rule explains which nobody expected.
  public var newCount: Int { newRules.reduce(0) { $0.clampedSum($1.count) } }
  /// True when every case is as the manual says, or as a rule says that was expected.
  public var isExpected: Bool { unexplained.isEmpty && newRules.isEmpty }
}

extension Deviation {
  /// True when the rule says what the machine did.
  func explains(_ difference: EvidenceDifference) -> Bool {
    let (subject, modelled) = (difference.key.subject, difference.key.modelled)
    return applies(to: subject) && effect.allows(difference.response, insteadOf: modelled, subject)
  }

  /// True when the rule covers an access, and says that the machine does otherwise than the manual.
  func contradicts(_ key: EvidenceKey) -> Bool {
    guard applies(to: key.subject), !effect.isSilent(about: key.modelled) else { return false }
    return !effect.allows(
      DeviationResponse(following: key.modelled), insteadOf: key.modelled, key.subject)
  }
}

extension DeviationEffect {
  /// True where the effect cannot show: bits that the model does not give cannot be missing.
  func isSilent(about modelled: AccessOutcome) -> Bool {
    switch self {
    case .errorCodeLacks(let bits):
      guard case .pageFault(let code) = modelled else { return true }
      return code.rawValue & bits != bits
    case .errorCodeHas(let bits):
      guard case .pageFault(let code) = modelled else { return true }
      return code.rawValue & bits != 0
    case .flags, .exception, .succeeds, .faultsAsNotPresent, .faultsAnyhow: return false
    }
  }
}

extension ConformanceEvidence {
  /// The number of cases that `rule` covers and in which the machine followed the manual instead.
  func contradictionCount(of rule: Deviation) -> Int {
    agreed.reduce(0) { $0.clampedSum(rule.contradicts($1.key) ? $1.value : 0) }
  }
}
