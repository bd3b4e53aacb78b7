// ConformanceEvidence: how often the machine did what, from which rules about it are derived.

public import MMU

/// An access as rules see it, and what the model says of it.
public struct EvidenceKey: Hashable, Sendable {
  /// The access.
  public var subject: DeviationSubject
  /// What the model says, without the address that is reached.
  public var modelled: AccessOutcome

  /// Takes the parts; an address in `modelled` is forgotten.
  public init(_ subject: DeviationSubject, modelled: AccessOutcome) {
    self.subject = subject
    if case .success = modelled {
      self.modelled = .success(GuestPhysicalAddress(truncating: 0))
    } else {
      self.modelled = modelled
    }
  }
}

/// What a machine did otherwise than the model says.
public struct EvidenceDifference: Hashable, Sendable {
  /// The access and what the model says.
  public var key: EvidenceKey
  /// What the machine did.
  public var response: DeviationResponse

  /// Takes the parts as they are.
  public init(_ key: EvidenceKey, _ response: DeviationResponse) {
    self.key = key
    self.response = response
  }
}

/// How often a difference was seen, and the first case that showed it.
public struct DifferenceRecord: Hashable, Sendable {
  /// The number of cases.
  public var count: Int
  /// One of them.
  public var example: ConformanceMismatch

  /// Takes the parts as they are.
  public init(count: Int, example: ConformanceMismatch) {
    self.count = count
    self.example = example
  }
}

/// Cases by what rules can see of them.
public struct ConformanceEvidence: Hashable, Sendable {
  /// Cases in which machine and model agree.
  public private(set) var agreed: [EvidenceKey: Int] = [:]
  /// Cases in which they do not.
  public private(set) var differences: [EvidenceDifference: DifferenceRecord] = [:]

  /// Nothing yet.
  public init() {}

  /// Counts cases that agree; a count below 1 says nothing.
  public mutating func add(_ key: EvidenceKey, count: Int = 1) {
    guard count > 0 else { return }
    agreed[key] = (agreed[key] ?? 0).clampedSum(count)
  }

  /// Counts cases that differ; a record counts one case at least, its example.
  public mutating func add(_ difference: EvidenceDifference, _ record: DifferenceRecord) {
    var sum = differences[difference] ?? DifferenceRecord(count: 0, example: record.example)
    sum.count = sum.count.clampedSum(max(1, record.count))
    differences[difference] = sum
  }

  /// Counts a case that differs; `example` is asked for only when it is the first of its kind.
  mutating func add(_ difference: EvidenceDifference, example: () -> ConformanceMismatch) {
    if differences[difference] == nil {
      differences[difference] = DifferenceRecord(count: 1, example: example())
    } else {
      differences[difference]?.count += 1
    }
  }

  /// Takes a case back that was counted as agreeing.
  mutating func remove(_ key: EvidenceKey) {
    guard let count = agreed[key] else { return }
    agreed[key] = count > 1 ? count - 1 : nil
  }

  /// Adds the cases of other blocks.
  public mutating func merge(_ other: ConformanceEvidence) {
    agreed.merge(other.agreed) { $0.clampedSum($1) }
    for (difference, record) in other.differences { add(difference, record) }
  }

  /// The same without the root entries that are like most others: what happens below them does not
  /// depend on them.
  ///
  /// - Complexity: O(*n*) in the number of kinds of cases.
  func withoutOrdinaryRootEntries() -> ConformanceEvidence {
    let special = specialRootEntries
    func ordinary(_ key: EvidenceKey) -> EvidenceKey {
      var key = key
      if let index = key.subject.rootIndex, !special.contains(index) { key.subject.rootIndex = nil }
      return key
    }
    var result = ConformanceEvidence()
    for (key, count) in agreed { result.add(ordinary(key), count: count) }
    for (difference, record) in differences {
      result.add(EvidenceDifference(ordinary(difference.key), difference.response), record)
    }
    return result
  }

  /// The root entries below which some access has other responses than below most of the others.
  private var specialRootEntries: Set<Int> {
    // An access without its root entry; the responses below each root entry, nil where it agreed.
    var responses: [EvidenceKey: [Int: Set<DeviationResponse?>]] = [:]
    func note(_ key: EvidenceKey, _ response: DeviationResponse?) {
      guard let index = key.subject.rootIndex else { return }
      var key = key
      key.subject.rootIndex = nil
      responses[key, default: [:]][index, default: []].insert(response)
    }
    for key in agreed.keys { note(key, nil) }
    for difference in differences.keys { note(difference.key, difference.response) }
    var special: Set<Int> = []
    for byIndex in responses.values {
      var counts: [Set<DeviationResponse?>: Int] = [:]
      for set in byIndex.values { counts[set, default: 0] += 1 }
      // Where few root entries, or two kinds of them, could be the usual ones, those are that follow
      // the manual.
      let most = counts.values.max() ?? 0
      let frequent = counts.filter { $0.value == most }.keys
      let usual = frequent.count == 1 && most > 2 ? frequent.first : [nil]
      for (index, set) in byIndex where set != usual { special.insert(index) }
    }
    return special
  }
}
