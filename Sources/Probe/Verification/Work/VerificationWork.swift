// VerificationWork: the probes of a plan, spread over one machine per core.

import Dispatch
import GuestImages
import GuestMem
import MMU
import Synchronization

/// Everything that the workers of a verification share.
struct VerificationWork: Sendable {
  let plan: ProbePlan
  let setup: ExperimentSetup
  let cr3: UInt64
  /// Where the agent can be put, or why nowhere.
  let slot: Result<AgentSlot, NotRunReasonError>
  private let memory: MachineMemory
  /// The original bytes; nobody writes to them while workers run.
  private let original: ProbeMemory

  /// A worker with fewer pages than this is not worth its start.
  private static let pagesPerWorker = 512
  /// So many pages are predicted at once, by all workers together, at least `pagesPerRound.lowerBound`
  /// and at most `pagesPerRound.upperBound` by each: more take memory, and make an interruption wait
  /// longer; fewer look at all tables too often.
  private static let pagesAtOnce = 32_768
  private static let pagesPerRound = 2048...16_384

  init(
    _ built: borrowing BuiltAddressSpace, profile: MachineProfile,
    configuration: PagingConfiguration? = nil, plan: ProbePlan, options: VerificationOptions,
    second: SecondMachine.Question? = nil
  ) {
    self.plan = plan
    cr3 = built.cr3
    setup = ExperimentSetup(
      settings: built.space.processor, configuration: configuration ?? built.configuration,
      profile: profile,
      oracle: AskedOracle(
        built.space, placements: built.placements, recursion: built.askedRecursion),
      unsupportedPages: options.unsupportedPages, guestCode: options.guestCode, second: second,
      isCancelled: options.isCancelled)
    slot = Self.findSlot(built, plan: plan, profile: profile)
    var memory = MachineMemory(copyOf: built.memory, ranges: built.machineRanges)
    memory.pageAttributeTable = built.pageAttributeTable
    self.memory = memory
    original = built.physicalMemory
  }

  /// The probes of `plan` on the tables that `cr3` points at in `original`, of which `memory`
  /// makes copies.
  init(
    plan: ProbePlan, setup: ExperimentSetup, cr3: UInt64,
    slot: Result<AgentSlot, NotRunReasonError>, memory: MachineMemory, original: ProbeMemory
  ) {
    self.plan = plan
    self.setup = setup
    self.cr3 = cr3
    self.slot = slot
    self.memory = memory
    self.original = original
  }

  /// Makes all probes; the workers' verdicts come back in the order of the plan.
  func run(
    on factory: any MachineFactory, deadline: ContinuousClock.Instant, progress: ProgressCounter,
    workerLimit: Int
  ) throws(MachineError) -> VerdictCollector {
    let slot: AgentSlot
    switch self.slot {
    case .success(let found): slot = found
    case .failure(let error): return withoutMachine(error.reason, deadline, progress: progress)
    }
    let workerCount = max(
      1, min(workerLimit, Int(clamping: plan.pageCount / UInt64(Self.pagesPerWorker))))
    let shares = plan.shares(workerCount)
    let tables = Experiment.KnownTables()
    let round = min(
      max(Self.pagesAtOnce / workerCount, Self.pagesPerRound.lowerBound),
      Self.pagesPerRound.upperBound)
    if workerCount == 1 {
      return try work(shares[0], round, on: factory, slot, tables, deadline, progress)
    }
    let results = Mutex(
      [Result<VerdictCollector, MachineError>?](
        repeating: nil, count: workerCount))
    DispatchQueue.concurrentPerform(iterations: workerCount) { index in
      let result = Result { () throws(MachineError) in
        try work(shares[index], round, on: factory, slot, tables, deadline, progress)
      }
      results.withLock { $0[index] = result }
    }
    var collector = setup.collector()
    for result in results.withLock({ $0 }) {
      if let result { collector.merge(try result.get()) }
    }
    return collector
  }

  /// Compares what was asked with the model alone.
  func withoutMachine(
    _ reason: NotRunReason, _ deadline: ContinuousClock.Instant, progress: ProgressCounter
  ) -> VerdictCollector {
    var collector = setup.collector()
    var rest = PlanShare(plan)
    while !rest.isEmpty {
      if let end = setup.reasonToStop(deadline: deadline) {
        collector.addUnfinished(rest.parts, end)
        break
      }
      for page in rest.takeRound(of: 1024) { compare(page, reason, into: &collector, progress) }
    }
    return collector
  }

  /// Compares what was asked about a page with the model alone.
  private func compare(
    _ page: ProbePage, _ reason: NotRunReason, into collector: inout VerdictCollector,
    _ progress: ProgressCounter
  ) {
    let configuration = setup.configuration(for: page)
    let walk = Walk(
      page.linearAddress, cr3: cr3, configuration: configuration, in: original)
    var open: ProbeManners = []
    for manner in ProbeManner.allCases where page.manners.contains(ProbeManners(manner)) {
      let prediction = walk.predict(
        Access(manner.kind), mode: setup.settings.mode(at: manner.privilege),
        configuration: configuration)
      let isOpen = collector.add(
        ProbeVerdict(
          page: page, manner: manner, address: page.linearAddress,
          asked: setup.oracle.answer(for: page, manner), modelled: prediction.outcome,
          executed: .notRun(reason), deviations: [],
          rootLevel: configuration.rootLevel
        ) {
          DeviationSubject(
            manner, address: page.linearAddress, modelled: prediction.outcome,
            rootLevel: configuration.rootLevel)
        })
      if isOpen { open.insert(ProbeManners(manner)) }
      progress.advance(by: 1)
    }
    collector.addOpen(page, open)
  }

  private func work(
    _ share: PlanShare, _ pagesPerRound: Int, on factory: any MachineFactory,
    _ slot: AgentSlot, _ tables: Experiment.KnownTables, _ deadline: ContinuousClock.Instant,
    _ progress: ProgressCounter
  ) throws(MachineError) -> VerdictCollector {
    let machine = try factory.makeMachine(memory: memory, agentAddress: slot.physicalAddress)
    let experiment = Experiment(
      machine: machine, cr3: cr3, slot: slot, setup: setup, ranges: memory.ranges,
      copyOf: original, knownTables: tables)
    var collector = setup.collector()
    var rest = share
    while !rest.isEmpty {
      if let reason = setup.reasonToStop(deadline: deadline) {
        collector.addUnfinished(rest.parts, reason)
        break
      }
      try experiment.run(
        rest.takeRound(of: pagesPerRound)[...], deadline: deadline, into: &collector,
        progress: progress)
      progress.noteRound()
      // Every frame that was stamped takes a page of the host's memory.
      if !rest.isEmpty { try machine.discardChanges() }
    }
    return collector
  }
}

/// A reason as an error, for `Result`.
struct NotRunReasonError: Error {
  let reason: NotRunReason
}
