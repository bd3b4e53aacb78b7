// VerificationReport: what a verification found, ready for any renderer.

import GuestMem
import MMU

/// How long the parts of a verification took.
public struct VerificationTimes: Hashable, Sendable {
  /// From the call to the report.
  public var total: Duration
  /// Trying the machine.
  public var calibration: Duration
  /// Predicting, executing and comparing.
  public var execution: Duration
  /// In the guest, the sum over all virtual machines.
  public var guest: Duration
}

/// What the verification of an address space found.
public struct VerificationReport: ProofReport {
  /// What was asked for.
  public let space: AddressSpace
  /// The machine, or nil when only the model was asked.
  public let profile: MachineProfile?
  /// Which machines answered, and what.
  public let machines: MachinesAsked
  /// How much of what is mapped was to be executed; reduced where the caller gave the plan.
  public let extent: ProbeExtent
  /// What was built.
  public let statistics: TableStatistics
  /// For each mapping, its first physical address.
  public let placements: [UInt64]
  /// For each mapping, by index, the number of pages that map it.
  public let pageCounts: [Int: Int]
  /// The number of pages that the recursive slot shows: tables, and large pages.
  public let recursivePageCount: Int
  /// What was found, by subject.
  public let tallies: [ProbeSubject: SubjectTally]
  /// The sum over all subjects.
  public let total: SubjectTally
  /// The disagreements, of which at most 10,000 are kept.
  public let disagreements: [Disagreement]
  /// The probes that killed the guest.
  public let lost: [ProbeVerdict]
  /// The entries whose A and D bits are wrong.
  public let flagDisagreements: [FlagDisagreement]
  /// What was asked for, held whole against the tables.
  public let comparison: RangeComparison?
  /// The entries whose A or D a rule of the machine excuses, by rule.
  public let excusedFlags: [Deviation: Int]
  /// How long it took.
  public let times: VerificationTimes

  /// The mappings and expectations of which no probe was planned.
  public var unplannedCount: Int {
    let subjects =
      space.mappings.indices.map { ProbeSubject.mapping($0) }
      + space.expectations.indices.map { .expectation($0) }
      + (space.recursiveSlot == nil ? [] : [.recursiveSlot])
    return subjects.count { tallies[$0] == nil }
  }

  init(
    _ built: borrowing BuiltAddressSpace, plan: ProbePlan, extent: ProbeExtent = .reduced,
    profile: MachineProfile?, comparison: RangeComparison, _ passes: ProofPasses,
    times: VerificationTimes
  ) {
    let collector = passes.collector
    machines = passes.machines
    space = built.space
    self.extent = extent
    self.profile = profile
    statistics = built.statistics
    placements = built.placements
    pageCounts = plan.leafCounts
    recursivePageCount = plan.recursivePageCount
    tallies = collector.tallies
    total = tallies.sum
    lost = collector.lost
    flagDisagreements = collector.flagDisagreements
    self.comparison = comparison
    excusedFlags = collector.excusedFlags
    self.times = times
    disagreements = passes.disagreements
  }
}
