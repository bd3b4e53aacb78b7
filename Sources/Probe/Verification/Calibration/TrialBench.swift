// TrialBench: one machine with the tables of a trial, used in one mode after the other.

import GuestMem
import MMU

/// A machine with tables that are known to be right.
struct TrialBench {
  private let scratch: ScratchSpace
  private let profile: MachineProfile
  private let losses: TrialLosses
  private let deadline: ContinuousClock.Instant
  private let machine: TrialMachine

  /// Makes a machine with the tables of `scratch`, as `profile` reads them.
  ///
  /// After `lossLimit` lost guests, and after `deadline`, no more probes are made.
  init(
    _ scratch: ScratchSpace, _ profile: MachineProfile, on factory: any MachineFactory,
    lossLimit: Int, deadline: ContinuousClock.Instant
  ) throws(MachineError) {
    self.scratch = scratch
    self.profile = profile
    self.deadline = deadline
    let losses = TrialLosses(limit: lossLimit)
    self.losses = losses
    let built = try Calibrator.build(scratch.space, profile)
    scratch.spoil(built)
    let work = Self.work(built, profile, scratch.plan, losses, pages: .probe)
    machine = TrialMachine(
      try factory.makeMachine(
        memory: MachineMemory(copyOf: built.memory),
        agentAddress: try Self.slot(of: work).physicalAddress),
      losses)
  }

  /// How the first guest was lost, or nil when none was.
  var firstLoss: String? { losses.first }

  /// What came of the probes of `plan` in a mode, in which the pages were used in the mode `before`
  /// first; what rules of `profile` say about the machine is not held against it.
  func verdicts(
    of plan: ProbePlan, _ round: TrialRound, knowing profile: MachineProfile,
    pages: UnsupportedPagePolicy = .probe
  ) throws(MachineError) -> VerdictCollector {
    var space = scratch.space
    space.processor = round.settings
    let built = try Calibrator.build(space, profile)
    scratch.spoil(built)
    let work = Self.work(built, profile, scratch.plan, losses, pages: pages)
    machine.before = round.before.map { ProcessorState($0, rootLevel: space.rootLevel) }
    defer { machine.before = nil }
    let experiment = Experiment(
      machine: machine, cr3: built.cr3, slot: try Self.slot(of: work), setup: work.setup)
    var collector = VerdictCollector()
    try experiment.run(
      plan.pages[...], deadline: deadline, into: &collector,
      progress: ProgressCounter(totalCount: 0))
    try machine.discardChanges()
    return collector
  }

  private static func work(
    _ built: borrowing BuiltAddressSpace, _ profile: MachineProfile, _ plan: ProbePlan,
    _ losses: TrialLosses, pages: UnsupportedPagePolicy
  ) -> VerificationWork {
    var options = VerificationOptions()
    options.unsupportedPages = pages
    options.isCancelled = { losses.isExhausted }
    return VerificationWork(built, profile: profile, plan: plan, options: options)
  }

  private static func slot(of work: VerificationWork) throws(MachineError) -> AgentSlot {
    switch work.slot {
    case .success(let slot): return slot
    case .failure(let error): throw .calibrationFailed(error.reason.message)
    }
  }
}

extension VerdictCollector {
  /// The first probe that the machine answered otherwise than the manual says, or, where details are
  /// left to somebody else, that it allowed or denied otherwise.
  func firstDifference(_ unexplained: Calibrator.UnexplainedPolicy) -> ProbeVerdict? {
    disagreements.first {
      $0.disagreements.contains(.modelledExecuted)
        && (unexplained == .fail || $0.changesWhetherTheAccessSucceeds)
    }
  }
}

extension ProbeVerdict {
  /// True when the machine allows what the manual denies, or the other way round, or reaches another
  /// page; false for details such as bits of an error code.
  fileprivate var changesWhetherTheAccessSucceeds: Bool {
    let isDenied = if case .success = modelled { false } else { true }
    let hasFaulted = if case .success = executed { false } else { true }
    return !(isDenied && hasFaulted)
  }
}
