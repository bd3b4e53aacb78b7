// One batch: run it, find out which probe killed the guest if one did, and compare.

import GuestImages
import GuestMem
import MMU

extension ExperimentRun {
  /// Runs a batch; one that kills the guest is taken apart until the culprit stands alone.
  mutating func runBatch(
    _ probes: ArraySlice<PlannedProbe>, _ manner: ProbeManner, _ loop: AgentBatch.Loop,
    into collector: inout VerdictCollector
  ) throws(MachineError) {
    var parts = BatchParts(probes)
    while let part = parts.next() {
      guard let (death, record) = try runPart(part, manner, loop, into: &collector) else {
        continue
      }
      if parts.divide(part, at: record) { continue }
      let probe = part[part.startIndex]
      add(verdict(probe, manner, .lost(death)), page: probe.page, to: &collector)
      progress.advance(by: 1)
    }
  }

  /// Runs a part of a batch; returns how and where the guest died in it, if it did.
  private mutating func runPart(
    _ probes: ArraySlice<PlannedProbe>, _ manner: ProbeManner, _ loop: AgentBatch.Loop,
    into collector: inout VerdictCollector
  ) throws(MachineError) -> (death: GuestDeath, record: Int?)? {
    if let reason = experiment.setup.reasonToStop(deadline: deadline) {
      for probe in probes {
        add(verdict(probe, manner, .notRun(reason)), page: probe.page, to: &collector)
      }
      progress.advance(by: probes.count)
      return nil
    }
    try experiment.machine.showHostChanges()
    let records = session.records
    // A value that is no page's, so that a record without an answer is none.
    for (index, probe) in probes.enumerated() { records.ask(probe.address, value: .max, at: index) }
    if loop == .write { clearWrites(probes) }
    let run = try session.run(
      loop, at: manner.privilege, count: probes.count, in: experiment.setup.state,
      deadline: deadline)
    collector.addGuestTime(run.time)
    switch run.end {
    case .finished(let deviceWrites):
      compare(probes, manner, loop, deviceWrites, into: &collector)
      progress.advance(by: probes.count)
    case .unfinished:
      try recover()
      for probe in probes {
        collector.add(
          verdict(
            probe, manner, .notRun(experiment.setup.reasonToStop(deadline: deadline) ?? .timeLimit))
        )
      }
      progress.advance(by: probes.count)
    case .died(let death, let record):
      try recover()
      return (death, record)
    }
    return nil
  }

  /// A new guest, and everything that a dying one may have destroyed written anew.
  private mutating func recover() throws(MachineError) {
    try experiment.machine.reset()
    experiment.agent.write()
    frames.prepareAgain()
    // The stamps in tables are among the words that they had.
    tablesBefore.restoreAll()
  }

  private mutating func compare(
    _ probes: ArraySlice<PlannedProbe>, _ manner: ProbeManner, _ loop: AgentBatch.Loop,
    _ deviceWrites: [UInt64: UInt64], into collector: inout VerdictCollector
  ) {
    let records = session.records
    let strays = loop == .write ? strayWrites(probes, manner) : []
    var flags = ExpectedFlags(
      tableCount: tablesBefore.count,
      rootLevel: experiment.setup.configuration.rootLevel,
      deviations: experiment.setup.profile.deviations)
    for (index, probe) in probes.enumerated() {
      let answer = records.answer(at: index)
      let token = experiment.slot.recordAddress(index, at: manner.privilege)
      let outcome = outcome(
        of: probe, manner, answer, token, deviceWrites, isStray: strays.contains(token))
      let verdict = verdict(probe, manner, outcome)
      // A machine that deviates sets other bits, or none.
      flags.add(
        predictions[probe.page], manner, loop: loop, isCertain: verdict.deviation == nil
      ) { subject(of: probe, manner) }
      add(verdict, page: probe.page, to: &collector)
    }
    flags.compare(with: self, manner, into: &collector)
  }

  /// What an answer says about the access.
  private func outcome(
    of probe: PlannedProbe, _ manner: ProbeManner, _ answer: AgentAnswer, _ token: UInt64,
    _ deviceWrites: [UInt64: UInt64], isStray: Bool
  ) -> ProbeOutcome {
    // A write that arrived has succeeded, whatever the guest was told.
    if answer.hasFaulted && !isStray {
      // Of more than 32 bits there is no code.
      let errorCode = UInt32(clamping: answer.errorCode)
      return answer.vector == 14
        ? .pageFault(errorCode: errorCode, cr2: answer.cr2)
        : .exception(vector: UInt8(truncatingIfNeeded: answer.vector), errorCode: errorCode)
    }
    let frame = predictions[probe.page].frame
    switch (manner.kind, probe.content) {
    case (.read, .stamped?), (.read, .device?), (.read, nil), (.fetch, .stamped?),
      (.fetch, .device?), (.fetch, nil), (.fetch, .fullTable?):
      return .success(
        answer.value & 0xfff == 0 && answer.value >> 52 == 0 && answer.value != 0
          || frame == 0
            && answer.value == 0
          ? .page(answer.value) : .unknown(value: answer.value))
    case (.read, .table?):
      return .success(
        answer.value & 0xff_ffff == 0xe2ff48
          ? .page((answer.value >> 24) << 12) : .unknown(value: answer.value))
    case (.read, .fullTable?):
      let flags = PageTableEntry.Bit.accessed | PageTableEntry.Bit.dirty
      let held = frame.flatMap {
        experiment.memory.loadWord(
          at: GuestPhysicalAddress(truncating: $0 | probe.address & 0xfff))
      }
      return .success(
        (held ?? 0) & ~flags == answer.value & ~flags
          ? .page(frame ?? 0) : .unknown(value: answer.value))
    case (.fetch, .table?): return .success(.notObserved)
    case (.write, .device?):
      return .success(deviceWrites[token].map { .page($0 & ~0xfff) } ?? .elsewhere)
    case (.write, .stamped?):
      let isOnlyThere = held(at: probe) == token && answer.hasFaulted == isStray
      return .success(isOnlyThere ? .page(frame ?? 0) : .elsewhere)
    case (.write, .table?), (.write, .fullTable?): return .success(.notObserved)
    case (.write, nil): return .success(.elsewhere)
    }
  }
}
