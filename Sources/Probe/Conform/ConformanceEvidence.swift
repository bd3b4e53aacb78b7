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

  /// The same without root entries below which everything agrees: they are all alike.
  func withoutIdleRootEntries() -> ConformanceEvidence {
    let special = Set(differences.keys.compactMap(\.key.subject.rootIndex))
    var result = ConformanceEvidence()
    result.differences = differences
    for (key, count) in agreed {
      var key = key
      if let index = key.subject.rootIndex, !special.contains(index) { key.subject.rootIndex = nil }
      result.agreed[key] = (result.agreed[key] ?? 0).clampedSum(count)
    }
    return result
  }
}
