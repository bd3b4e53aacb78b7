// Unproved: what was asked and is not proved, counted by reason.

public import KVM

/// What is not proved for one reason.
public struct Unproved: Hashable, Sendable {
  /// Why.
  public let reason: UnprovedReason
  /// The rule that explains the machine's answers; nil for any other reason.
  public let deviation: Deviation?
  /// How many, 0 where nothing was asked.
  public let count: Int
  /// What is counted.
  public let unit: UnprovedUnit
  /// What would prove it, such as `--machine auto`.
  public let remedy: String

  /// Takes the parts as they are; the remedy is that for tables which `walker` walks.
  public init(
    _ reason: UnprovedReason, deviation: Deviation? = nil, count: Int,
    of unit: UnprovedUnit = .probes, on walker: TableWalker?
  ) {
    self.unit = unit
    self.reason = reason
    self.deviation = deviation
    self.count = count
    remedy = reason.remedy(on: walker)
  }

  /// The same with another remedy.
  func remedied(by remedy: String) -> Unproved {
    Unproved(self, remedy)
  }

  private init(_ other: Unproved, _ remedy: String) {
    reason = other.reason
    deviation = other.deviation
    count = other.count
    unit = other.unit
    self.remedy = remedy
  }

  /// The stable name of the reason.
  public var id: String { reason.id }

  /// Why, in words; of an explained answer the rule.
  public var message: String { deviation?.message ?? reason.message }
}

/// What the count of something unproved counts.
public enum UnprovedUnit: String, CaseIterable, Hashable, Sendable {
  /// Accesses.
  case probes
  /// Entries whose A or D a rule excuses, or that point at tables which are not there.
  case entries
  /// Mappings and expectations without any probe.
  case subjects
}

extension SubjectTally {
  /// What of these probes is not proved, by reason in the order of their declaration.
  public func unproved(on walker: TableWalker?) -> [Unproved] {
    var result = NotRunReason.allCases.compactMap { reason in
      self.notRun[reason].map { Unproved(.notRun(reason), count: $0, on: walker) }
    }
    result += self.deviations.sorted { $0.key.message < $1.key.message }.map {
      Unproved(.explained, deviation: $0.key, count: $0.value, on: walker)
    }
    if self.lostCount > 0 { result.append(Unproved(.guestLost, count: self.lostCount, on: walker)) }
    return result
  }
}
