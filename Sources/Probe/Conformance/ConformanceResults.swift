// ConformanceResults: what the workers of a run have found so far.

import MMU
import Synchronization

/// What the workers of a run have found so far.
final class ConformanceResults: Sendable {
  private struct State: Sendable {
    var report: ConformanceReport
    var error: MachineError?
  }

  private let state: Mutex<State>
  private let options: ConformanceOptions
  private let start: ContinuousClock.Instant
  private let earlierTime: Duration
  private let blockCount: Int

  init(
    _ options: ConformanceOptions, _ machine: MachineProfile, _ plan: ConformancePlan,
    start: ContinuousClock.Instant
  ) {
    self.options = options
    self.start = start
    earlierTime = options.finished?.time ?? .zero
    var machine = machine
    if let finished = options.finished { machine.noteResults(of: finished.machine.identity) }
    let report = ConformanceReport(
      profile: options.profile, shard: options.shard, machine: machine,
      finished: options.finished?.finished ?? [],
      total: options.finished?.total ?? ConformanceTally(), profileBlockCount: plan.blocks.count,
      evidence: options.finished?.evidence ?? ConformanceEvidence(), notRun: plan.notRun,
      time: earlierTime)
    blockCount = report.blockCount
    state = Mutex(State(report: report))
  }

  /// The blocks of the share that are not finished.
  func pending(_ blocks: [ConformanceBlock]) -> [ConformanceBlock] {
    state.withLock { state in
      blocks.filter {
        options.shard.includes($0.index) && !state.report.finished.contains($0.index)
      }
    }
  }

  /// Adds a finished block and tells the observer.
  func add(_ result: ConformanceBlockResult, of index: Int) {
    state.withLock { state in
      state.report.finished.insert(index)
      state.report.total.merge(result.tally)
      state.report.evidence.merge(result.evidence)
      state.report.time = earlierTime.clampedSum(ContinuousClock.now - start)
      let report = state.report
      options.observer?(
        ConformanceProgress(
          finishedCount: report.finished.count, blockCount: blockCount, report: { report.settled() }
        ))
    }
  }

  func fail(_ error: MachineError) { state.withLock { $0.error = error } }

  /// The report of everything.
  func finish() throws(MachineError) -> ConformanceReport {
    let found = state.withLock { $0 }
    if let error = found.error { throw error }
    var report = found.report.settled()
    report.time = earlierTime.clampedSum(ContinuousClock.now - start)
    return report
  }
}

extension ConformanceReport {
  /// The same without what rules do not need.
  func settled() -> ConformanceReport {
    var report = self
    report.evidence = evidence.withoutOrdinaryRootEntries()
    return report
  }
}
