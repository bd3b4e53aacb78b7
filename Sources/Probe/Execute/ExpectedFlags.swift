// ExpectedFlags: which accessed and dirty bits a batch must and may set.

import MMU

/// The model's answer about A and D, gathered over a batch, word by word of all tables.
struct ExpectedFlags {
  private static let mustAccess: UInt8 = 1
  private static let mayAccess: UInt8 = 2
  private static let mustDirty: UInt8 = 4
  private static let mayDirty: UInt8 = 8

  private var words: [UInt8]
  private let rootLevel: Level
  private let deviations: [Deviation]

  init(tableCount: Int, rootLevel: Level, deviations: [Deviation]) {
    words = [UInt8](repeating: 0, count: tableCount * 512)
    self.rootLevel = rootLevel
    self.deviations = deviations
  }

  /// Adds what a probe does; where the machine deviates, what it must do it only may.
  ///
  /// A locked operation that may not write may have read before: KVM's emulator does so.
  mutating func add(
    _ prediction: PagePrediction, _ manner: ProbeManner, loop: AgentBatch.Loop, isCertain: Bool
  ) {
    if loop == .lockedOr, case .pageFault = prediction.answer(for: manner).outcome {
      add(prediction.answer(for: ProbeManner(.read, at: manner.privilege)), prediction, false)
    }
    add(prediction.answer(for: manner), prediction, isCertain)
  }

  private mutating func add(
    _ answer: PagePrediction.Answer, _ prediction: PagePrediction, _ isCertain: Bool
  ) {
    for step in 0..<prediction.stepCount {
      let word = prediction.word(step)
      guard word >= 0 else { continue }
      let bit: UInt8 = 1 << UInt8(step)
      var flags: UInt8 = 0
      if answer.mustAccess & bit != 0 { flags |= isCertain ? Self.mustAccess : Self.mayAccess }
      if answer.mayAccess & bit != 0 { flags |= Self.mayAccess }
      if answer.dirtyStep == UInt8(step) { flags |= isCertain ? Self.mustDirty : Self.mayDirty }
      words[Int(word)] |= flags
    }
    addDeviations(answer, prediction)
  }

  /// What the machine, unlike the manual, may set.
  private mutating func addDeviations(
    _ answer: PagePrediction.Answer, _ prediction: PagePrediction
  ) {
    guard !deviations.isEmpty, case .pageFault(let code) = answer.outcome, code.contains(.present),
      let level = Level(rawValue: rootLevel.rawValue + 1 - UInt8(prediction.stepCount)),
      deviations.letFaultsMarkLeaf(at: level)
    else { return }
    let word = prediction.word(prediction.stepCount - 1)
    if word >= 0 { words[Int(word)] |= Self.mayAccess }
  }

  /// Compares every word of every table with what it was before the batch.
  func compare(
    with run: ExperimentRun, _ manner: ProbeManner, into collector: inout VerdictCollector
  ) {
    let experiment = run.experiment
    let accessed = PageTableEntry.Bit.accessed
    let dirty = PageTableEntry.Bit.dirty
    let unreliable = experiment.setup.profile.deviations.unreliableFlags
    for (position, frame) in experiment.tables.frames.enumerated() {
      let table = experiment.memory.tableWords(at: frame)
      for index in 0..<512 {
        let word = position * 512 + index
        let after = table[index]
        let before = run.pristine[word]
        if after == before && words[word] == 0 { continue }
        let address = frame + UInt64(index) * 8
        let flags = words[word]
        var must: UInt64 = 0
        if flags & Self.mustAccess != 0 { must |= accessed }
        if flags & Self.mustDirty != 0 { must |= dirty }
        if after == before | must { continue }
        var may = unreliable
        if flags & Self.mayAccess != 0 { may |= accessed }
        if flags & Self.mayDirty != 0 { may |= dirty }
        if after & ~may == (before | must) & ~may
          && after & before & ~unreliable == before & ~unreliable
        {
          continue
        }
        collector.add(
          disagreement(
            at: address, word: word, before: before, after: after, must: must, may: may, run,
            manner))
      }
    }
  }

  private func disagreement(
    at address: UInt64, word: Int, before: UInt64, after: UInt64, must: UInt64, may: UInt64,
    _ run: ExperimentRun, _ manner: ProbeManner
  ) -> FlagDisagreement {
    let experiment = run.experiment
    let root = experiment.slot.rootAddress
    var page: ProbePage?
    var level: Level?
    search: for (index, prediction) in run.predictions.enumerated() {
      for step in 0..<prediction.stepCount where prediction.word(step) == Int32(word) {
        page = run.pages[index]
        level = Level(
          rawValue: experiment.setup.configuration.rootLevel.rawValue - UInt8(step))
        break search
      }
    }
    return FlagDisagreement(
      entryAddress: address & ~0xfff == root ? experiment.originalRoot | address & 0xfff : address,
      manner: manner, before: before, after: after, mustSet: must, maySet: may, page: page,
      level: level)
  }
}
