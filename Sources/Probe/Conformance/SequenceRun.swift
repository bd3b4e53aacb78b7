// SequenceRun: performs a sequence step by step, and compares each access with the model.

import GuestImages
import GuestMem
import MMU

/// One sequence on one bench.
struct SequenceRun {
  let bench: SequenceBench
  let index: Int
  let sequence: ConformanceSequence
  let machine: MachineProfile
  let deadline: ContinuousClock.Instant
  let model: ConformanceModel
  var settings: ProcessorSettings
  /// The tables at each time since the sequence began that differs from the one before, the latest
  /// last.
  var states: [[UInt64]] = []
  var session: AgentSession
  var result = ConformanceBlockResult()

  init(
    _ index: Int, _ sequence: ConformanceSequence, on bench: SequenceBench,
    machine: MachineProfile, deadline: ContinuousClock.Instant,
    model: ConformanceModel = ConformanceModel()
  ) {
    self.index = index
    self.sequence = sequence
    self.bench = bench
    self.machine = machine
    self.deadline = deadline
    self.model = model
    settings = sequence.settings
    session = AgentSession(
      bench.machine, bench.prepare(sequence.space, settings), root: sequence.space.root)
    states = [bench.words()]
  }

  /// Performs all steps; a guest that dies ends the sequence.
  mutating func run() throws(MachineError) {
    try bench.machine.showHostChanges()
    for (position, step) in sequence.steps.enumerated() {
      guard ContinuousClock.now < deadline else {
        result.tally.notRun[.timeLimit, default: 0] += 1
        return
      }
      if let death = try perform(step) {
        try bench.recover()
        giveUp(at: position, death)
        return
      }
    }
  }

  private mutating func perform(
    _ step: ConformanceSequence.Step
  ) throws(MachineError) -> GuestDeath? {
    let state = ProcessorState(settings, rootLevel: bench.rootLevel)
    switch step {
    case .access(let access, let privilege, let addresses, let freshness):
      return try perform(access, privilege, addresses, freshness)
    case .store(let place, let word):
      let death = try control(.store, [(sequence.space.windowAddress(of: place), word)])
      noteState()
      return death
    case .invalidate(let addresses):
      return try control(.invalidate, addresses.map { ($0, 0) })
    case .reloadCR3: return try control(.loadCR3, [(0, sequence.space.root)])
    case .toggleGlobalPages:
      // PGE is bit 7.
      return try control(.loadCR4, [(0, state.cr4 ^ 1 << 7), (0, state.cr4)])
    case .setWriteProtect(let isEnabled):
      let changed = isEnabled ? state.cr0 | 1 << 16 : state.cr0 & ~(1 << 16)
      let death = try control(.loadCR0, [(0, changed)])
      settings.isWriteProtectEnabled = isEnabled
      return death
    case .set(let changed):
      settings.isNoExecuteEnabled = changed.isNoExecuteEnabled
      settings.isSMEPEnabled = changed.isSMEPEnabled
      session.use(bench.prepareAgent(sequence.space, settings))
      try bench.machine.showHostChanges()
      noteState()
      return nil
    }
  }

  /// Runs a loop that changes something; its records must not fault.
  private mutating func control(
    _ loop: AgentBatch.Loop, _ asked: [(UInt64, UInt64)]
  ) throws(MachineError) -> GuestDeath? {
    let records = session.records
    for (index, (address, value)) in asked.enumerated() {
      records.ask(address, value: value, at: index)
    }
    guard case .finished = try run(loop, .supervisor, count: asked.count).end else {
      return .hang
    }
    return asked.indices.contains { records.answer(at: $0).hasFaulted }
      ? .unexpectedExit("fault in a step between accesses") : nil
  }

  /// Runs records that have been asked.
  mutating func run(
    _ loop: AgentBatch.Loop, _ privilege: PrivilegeLevel, count: Int
  ) throws(MachineError) -> (end: AgentBatchEnd, deviceWrites: [UInt64: UInt64]) {
    let run = try session.run(
      loop, at: privilege, count: count,
      in: ProcessorState(settings, rootLevel: bench.rootLevel), deadline: deadline)
    result.tally.guestTime += run.time
    switch run.end {
    case .unfinished:
      // The sequence counts for nothing.
      result.tally.notRun[.timeLimit, default: 0] += 1
      return (.died(.hang, record: nil), [:])
    case .finished(let deviceWrites): return (run.end, deviceWrites)
    case .died: return (run.end, [:])
    }
  }

  /// Remembers the tables as they are now, if they changed.
  mutating func noteState() {
    let now = bench.words()
    if states.last != now { states.append(now) }
  }

  /// Counts what cannot be run any more.
  private mutating func giveUp(at position: Int, _ death: GuestDeath) {
    for step in sequence.steps[position...] {
      guard case .access(let access, let privilege, let addresses, _) = step else { continue }
      for address in addresses {
        result.tally.caseCount += 1
        let subject = DeviationSubject(
          access.access, form: access.form, privilege: privilege, end: .allowed,
          rootLevel: bench.rootLevel)
        result.evidence.add(
          EvidenceDifference(
            EvidenceKey(subject, modelled: .success(GuestPhysicalAddress(truncating: 0))),
            .lost(death)),
          DifferenceRecord(
            count: 1,
            example: ConformanceMismatch(
              matrix: sequence.name, block: index, mode: settings.words, entries: [],
              address: address, modelled: "an answer", executed: death.message)))
      }
    }
  }
}
