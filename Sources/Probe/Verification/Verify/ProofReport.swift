// ProofReport: what every report about probes has, whatever was proved.

/// What probes found.
public protocol ProofReport: Sendable {
  /// The machine, or nil when only the model was asked.
  var profile: MachineProfile? { get }
  /// Which machines answered, and what.
  var machines: MachinesAsked { get }
  /// How much of what is mapped was to be executed.
  var extent: ProbeExtent { get }
  /// What was found, by subject.
  var tallies: [ProbeSubject: SubjectTally] { get }
  /// The sum over all subjects.
  var total: SubjectTally { get }
  /// The disagreements, of which at most 10,000 are kept.
  var disagreements: [Disagreement] { get }
  /// The probes that killed the guest.
  var lost: [ProbeVerdict] { get }
  /// The entries whose A and D bits are wrong.
  var flagDisagreements: [FlagDisagreement] { get }
  /// What was asked for, held whole against the tables; nil where nobody asked for anything.
  var comparison: RangeComparison? { get }
  /// The entries whose A or D a rule of the machine excuses, by rule.
  var excusedFlags: [Deviation: Int] { get }
  /// The number of mappings and expectations of which no probe was planned.
  var unplannedCount: Int { get }
  /// What is not proved of the tables, whatever is probed.
  var unprovedTables: [Unproved] { get }
  /// How long it took.
  var times: VerificationTimes { get }
}

extension ProofReport {
  /// None: no rule was needed.
  public var excusedFlags: [Deviation: Int] { [:] }

  /// Reduced: not every page was planned.
  public var extent: ProbeExtent { .reduced }

  /// What does not fit what is known of the machines, such as a version that nobody tried.
  public var remarks: [MachineRemark] {
    let asked = machines.answers.flatMap { $0.profile.remarks }
    return asked.isEmpty ? profile?.remarks ?? [] : asked
  }

  /// None: everything has its probes.
  public var unplannedCount: Int { 0 }

  /// Nothing: all tables are there.
  public var unprovedTables: [Unproved] { [] }

  /// The sum over all subjects, added up each time.
  public var total: SubjectTally { tallies.sum }

  /// The probes per second of the execution.
  public var probesPerSecond: Double {
    let (seconds, attoseconds) = times.execution.components
    let time = Double(seconds) + Double(attoseconds) * 1e-18
    return time > 0 ? Double(total.executedCount) / time : 0
  }
}
