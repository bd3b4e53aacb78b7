// ImageReport: what the proof of an image's tables found.

public import MMU

/// What the proof of an image's tables found.
public struct ImageReport: ProofReport {
  /// The machine, or nil when only the model was asked.
  public let profile: MachineProfile?
  /// Which machines answered, and what.
  public let machines: MachinesAsked
  /// What was asked for, or nil when there are two answers only: modelled and executed.
  public let expectation: ImageExpectation?
  /// How much of what is mapped was to be executed.
  public let extent: ProbeExtent
  /// The groups that pages are reported by.
  public let kinds: [PageKind]
  /// For each kind, the number of leaves.
  public let leafCounts: [UInt64]
  /// The number of different frames that hold tables.
  public let tableCount: Int
  /// Where the image has memory, in whole pages.
  public let memoryRanges: [MachineMemoryRange]
  /// Linear bytes that go through tables which were probed at another address.
  public let sharedByteCount: UInt64
  /// What the image's registers turn on, the machine lacks, and no access depends on.
  public let omittedFeatures: [MachineFeature]
  /// The root entry that led to the agent in the copy of the root, or nil when nothing ran.
  public let agentRootIndex: Int?
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
  /// What was asked for, held whole against the tables; nil when nobody asked.
  public let comparison: RangeComparison?
  /// The entries whose A or D a rule of the machine excuses, by rule.
  public let excusedFlags: [Deviation: Int]
  /// The entries that are present and lead nowhere, and whether any page is mapped.
  public let deadEnds: DeadEndReport
  /// How long it took.
  public let times: VerificationTimes

  /// Tables that the image does not hold, and a root without pages.
  public var unprovedTables: [Unproved] {
    let walker = profile?.identity.walker
    var result: [Unproved] = []
    if deadEnds.missingTableCount > 0 {
      result.append(
        Unproved(
          .tableOutsideMemory, count: deadEnds.missingTableCount, of: .entries, on: walker))
    }
    if !deadEnds.mapsPages { result.append(Unproved(.nothingMapped, count: 0, on: walker)) }
    return result
  }

  /// The mappings and expectations that somebody asked for; without any when nobody did.
  public var space: AddressSpace {
    expectation?.space ?? AddressSpace(memoryByteCount: 0, mappings: [])
  }
}
