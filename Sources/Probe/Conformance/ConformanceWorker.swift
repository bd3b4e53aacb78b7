// ConformanceWorker: one thread's machines, which run one block after the other.

import MMU

/// One thread's machines.
final class ConformanceWorker {
  private let plan: ConformancePlan
  private let machine: MachineProfile
  private let factory: any MachineFactory
  private let deadline: ContinuousClock.Instant
  private let selection: ConformanceSelection
  private let model: ConformanceModel
  private var benches: [Level: ConformanceBench] = [:]
  private var sequenceBenches: [Level: SequenceBench] = [:]

  init(
    _ plan: ConformancePlan, _ machine: MachineProfile, _ factory: any MachineFactory,
    _ deadline: ContinuousClock.Instant, _ selection: ConformanceSelection,
    model: ConformanceModel = ConformanceModel()
  ) {
    self.model = model
    self.selection = selection
    self.plan = plan
    self.machine = machine
    self.factory = factory
    self.deadline = deadline
  }

  /// Runs a block.
  func run(_ block: ConformanceBlock) throws(MachineError) -> ConformanceBlockResult {
    switch block.work {
    case .matrix(let work): return try run(work, block.index)
    case .sequence(let position):
      let sequence = plan.sequences[position]
      guard selection.includes(sequence, at: position) else { return ConformanceBlockResult() }
      let bench = try sequenceBench(sequence.space.rootLevel)
      var run = SequenceRun(
        block.index, sequence, on: bench, machine: machine, deadline: deadline,
        model: model)
      try run.run()
      return run.result
    }
  }

  private func run(
    _ work: MatrixBlock, _ index: Int
  ) throws(MachineError) -> ConformanceBlockResult {
    let matrix = plan.matrices[work.matrix]
    guard
      var run = ConformanceBlockRun(
        index, work, matrix: matrix, on: try bench(matrix.rootLevel), machine: machine,
        selection: selection, deadline: deadline, model: model)
    else { return ConformanceBlockResult() }
    try run.run()
    return run.result
  }

  private func bench(_ rootLevel: Level) throws(MachineError) -> ConformanceBench {
    if let known = benches[rootLevel] { return known }
    let bench = try ConformanceBench(plan.matrices, rootLevel: rootLevel, factory: factory)
    benches[rootLevel] = bench
    return bench
  }

  private func sequenceBench(_ rootLevel: Level) throws(MachineError) -> SequenceBench {
    if let known = sequenceBenches[rootLevel] { return known }
    let bench = try SequenceBench(rootLevel: rootLevel, factory: factory)
    sequenceBenches[rootLevel] = bench
    return bench
  }
}
