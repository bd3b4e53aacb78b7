// ConformanceTally: what came of the cases of a block.

public import MMU

/// A case in which machine and model differ, and no rule says why.
public struct ConformanceMismatch: Hashable, Sendable {
  /// The matrix, such as `PDE and PTE`.
  public let matrix: String
  /// The position of the block in the profile's order.
  public let block: Int
  /// The processor's mode and the access, in words.
  public let mode: String
  /// The level of the upper entry.
  public let upperLevel: Level
  /// The word of the upper entry.
  public let upperEntry: UInt64
  /// The word of the lower entry.
  public let lowerEntry: UInt64
  /// The linear address of the access.
  public let address: UInt64
  /// What the model says.
  public let modelled: AccessOutcome
  /// What the machine did.
  public let executed: ProbeOutcome
  /// What is wrong with A and D, or nil when the outcome itself differs.
  public let flags: String?
}

/// The cases of one or more blocks, counted.
public struct ConformanceTally: Hashable, Sendable {
  /// Cases that were run.
  public var caseCount = 0
  /// Cases in which machine and model agree in everything.
  public var agreedCount = 0
  /// Cases in which they differ as a rule says.
  public var deviations: [Deviation: Int] = [:]
  /// Cases in which they differ otherwise.
  public var mismatchCount = 0
  /// The first of those.
  public var mismatches: [ConformanceMismatch] = []
  /// Cases that were not run, by reason.
  public var notRun: [NotRunReason: Int] = [:]
  /// The time in guests, summed over all virtual machines.
  public var guestTime: Duration = .zero

  /// So many mismatches are kept in full.
  public static let keptCount = 100

  /// Nothing yet.
  public init() {}

  mutating func add(_ mismatch: ConformanceMismatch) {
    mismatchCount += 1
    if mismatches.count < Self.keptCount { mismatches.append(mismatch) }
  }

  /// Adds the cases of other blocks.
  public mutating func merge(_ other: ConformanceTally) {
    caseCount += other.caseCount
    agreedCount += other.agreedCount
    deviations.merge(other.deviations, uniquingKeysWith: +)
    mismatchCount += other.mismatchCount
    mismatches += other.mismatches.prefix(max(0, Self.keptCount - mismatches.count))
    notRun.merge(other.notRun, uniquingKeysWith: +)
    guestTime += other.guestTime
  }
}
