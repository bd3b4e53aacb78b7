// SecondMachine: another machine that a verification asks, and about what.

/// A machine that is asked after the first one.
public struct SecondMachine: Sendable {
  /// What the second machine is asked.
  public enum Question: Sendable {
    /// What the first one left unproved and another kind of machine may prove: what it lacks, what
    /// one of its rules explains, what killed its guest.
    case unproved
    /// Everything that the first one was asked, so that the two can be compared.
    case everything
  }

  /// What it is asked.
  public let question: Question
  /// Makes it; not called where nothing is left to ask.
  let open: @Sendable () throws(MachineError) -> any MachineFactory

  /// A machine that `open` makes when it is needed.
  public init(
    asked question: Question,
    open: @escaping @Sendable () throws(MachineError) -> any MachineFactory
  ) {
    self.question = question
    self.open = open
  }
}

/// Which machines answered a proof, and what.
public struct MachinesAsked: Sendable {
  /// One for each machine, in the order in which they were asked; empty when only the model was.
  public internal(set) var answers: [MachineAnswers] = []
  /// Why the second machine could not be asked, where it could not.
  public internal(set) var problem: MachineError?
  /// The probes that two machines answered differently, of which at most 10,000 are kept; in the
  /// order of their addresses.
  public internal(set) var differences: [MachineDifference] = []
  /// The number of such probes.
  public internal(set) var differenceCount = 0
  /// At most so many answers were not held against the other machine's: of each machine a million are
  /// kept that are not the model's.
  public internal(set) var uncomparedCount = 0
}

/// What counts of one machine's answers.
public struct MachineAnswers: Sendable {
  /// The machine.
  public let profile: MachineProfile
  /// What was found by subject; what another machine was asked in its place is not in it.
  public let tallies: [ProbeSubject: SubjectTally]
  /// The entries whose A or D a rule of the machine excuses, by rule.
  public let excusedFlags: [Deviation: Int]

  init(_ profile: MachineProfile, _ collector: VerdictCollector) {
    self.profile = profile
    tallies = collector.tallies
    total = tallies.sum
    excusedFlags = collector.excusedFlags
  }

  /// The sum over all subjects.
  public let total: SubjectTally
}
