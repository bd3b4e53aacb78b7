// ExpectedFlags: which accessed and dirty bits a batch must and may set.

import MMU

/// The model's answer about A and D, gathered over a batch, word by word of all tables.
struct ExpectedFlags {
  private static let mustAccess: UInt8 = 1
  private static let mayAccess: UInt8 = 2
  private static let mustDirty: UInt8 = 4
  private static let mayDirty: UInt8 = 8

  /// The same, where a rule of the machine says otherwise of every probe that asks for it.
  private static let excusedAccess: UInt8 = 16
  private static let excusedDirty: UInt8 = 32

  /// Neighbouring words that are kept together.
  ///
  /// Where mappings lie far apart, a batch reads one word of each of thousands of tables: a cache
  /// line of flags for each is enough.
  private static let chunkWordCount = 64
  private static let chunkCountOfTable = 512 / chunkWordCount

  /// What probes ask for, word by word of the chunks that they read.
  private var words: [UInt8] = []
  /// By chunk of the tables that probes read, where its words begin, or -1 while none has read it.
  private var chunkStarts: [Int32] = []
  /// By table, where its chunks begin in `chunkStarts`, or -1 while no probe has read it.
  private var tableStarts: [Int32]
  private let rootLevel: Level
  /// The rules about flags.
  private let rules: [(rule: Deviation, difference: FlagDifference)]
  /// By word, what rules say of it.
  private var excuses: [Int: [Excuse]] = [:]

  /// What a rule says of one entry.
  fileprivate struct Excuse: Hashable {
    /// The position of the rule.
    let rule: Int
    /// Bits that may be missing, and bits that may be set without need.
    let missing: UInt64
    let extra: UInt64
  }

  init(tableCount: Int, rootLevel: Level, deviations: [Deviation]) {
    tableStarts = [Int32](repeating: -1, count: tableCount)
    self.rootLevel = rootLevel
    rules = deviations.compactMap { rule in
      guard case .flags(let difference) = rule.effect else { return nil }
      return (rule, difference)
    }
  }

  /// Adds what a probe does, by the manual; `subject` is asked for only where a rule may be about it.
  ///
  /// A locked operation that may not write may have read before: KVM's emulator does so.
  mutating func add(
    _ prediction: PagePrediction, _ manner: ProbeManner, loop: AgentBatch.Loop,
    isCertain: Bool, subject: () -> DeviationSubject
  ) {
    let answer = prediction.answer(for: manner)
    if loop == .lockedOr, case .pageFault = answer.outcome {
      add(prediction.answer(for: ProbeManner(.read, at: manner.privilege)), prediction, false)
    }
    let applying = rules.isEmpty || prediction.stepCount == 0 ? [] : rulesAbout(subject())
    guard !applying.isEmpty else {
      add(answer, prediction, isCertain)
      return
    }
    for step in 0..<prediction.stepCount {
      addExcused(answer, prediction, step, isCertain, applying)
    }
  }

  private func rulesAbout(_ subject: DeviationSubject) -> [Int] {
    rules.indices.filter { rules[$0].rule.applies(to: subject) }
  }

  /// Adds what a probe does to one entry, about which rules have something to say.
  private mutating func addExcused(
    _ answer: PagePrediction.Answer, _ prediction: PagePrediction, _ step: Int,
    _ isCertain: Bool, _ applying: [Int]
  ) {
    let word = prediction.word(step)
    guard word >= 0 else { return }
    let isLast = step == prediction.stepCount - 1
    var missing: UInt64 = 0
    for index in applying {
      let excuse = Excuse(index, rules[index].difference, isLast: isLast)
      guard excuse.missing | excuse.extra != 0 else { continue }
      missing |= excuse.missing
      if excuses[Int(word)]?.contains(excuse) != true {
        excuses[Int(word), default: []].append(excuse)
      }
    }
    let bit: UInt8 = 1 << UInt8(step)
    var flags: UInt8 = 0
    if answer.mustAccess & bit != 0 {
      let must =
        missing & PageTableEntry.Bit.accessed != 0 ? Self.excusedAccess : Self.mustAccess
      flags |= isCertain ? must : Self.mayAccess
    }
    if answer.mayAccess & bit != 0 { flags |= Self.mayAccess }
    if answer.dirtyStep == UInt8(step) {
      let must = missing & PageTableEntry.Bit.dirty != 0 ? Self.excusedDirty : Self.mustDirty
      flags |= isCertain ? must : Self.mayDirty
    }
    add(flags, to: Int(word))
  }

  private mutating func add(_ flags: UInt8, to word: Int) {
    let table = word / 512
    if tableStarts[table] < 0 {
      tableStarts[table] = Int32(chunkStarts.count)
      chunkStarts.append(contentsOf: repeatElement(-1, count: Self.chunkCountOfTable))
    }
    let chunk = Int(tableStarts[table]) + word % 512 / Self.chunkWordCount
    if chunkStarts[chunk] < 0 {
      chunkStarts[chunk] = Int32(words.count)
      words.append(contentsOf: repeatElement(0, count: Self.chunkWordCount))
    }
    words[Int(chunkStarts[chunk]) + word % Self.chunkWordCount] |= flags
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
      add(flags, to: Int(word))
    }
  }

  /// Compares every word of every table with what it was before the batch, and puts it back.
  func compare(
    with run: ExperimentRun, _ manner: ProbeManner, into collector: inout VerdictCollector
  ) {
    for (position, frame) in run.experiment.tables.frames.enumerated() {
      let isUnchanged = run.tablesBefore.isUnchanged(position)
      let chunks = Int(tableStarts[position])
      // What no probe reads, and nothing has changed, is as it was.
      if isUnchanged && chunks < 0 { continue }
      defer { if !isUnchanged { run.tablesBefore.restore(position) } }
      let table = run.experiment.memory.tableWords(at: frame)
      let tableBefore = run.tablesBefore.words(position)
      for chunk in 0..<Self.chunkCountOfTable {
        let start = chunks < 0 ? -1 : Int(chunkStarts[chunks + chunk])
        if isUnchanged && start < 0 { continue }
        for offset in 0..<Self.chunkWordCount {
          let index = chunk * Self.chunkWordCount + offset
          let flags = start < 0 ? 0 : words[start + offset]
          let (before, after) = (tableBefore[index], table[index])
          if after == before && flags == 0 { continue }
          compare(
            word: position * 512 + index, at: frame + UInt64(index) * 8, before: before,
            after: after, flags: flags, run, manner, into: &collector)
        }
      }
    }
  }

  /// Compares a word that a probe reads, or that has changed.
  private func compare(
    word: Int, at address: UInt64, before: UInt64, after: UInt64, flags: UInt8,
    _ run: ExperimentRun, _ manner: ProbeManner, into collector: inout VerdictCollector
  ) {
    let accessed = PageTableEntry.Bit.accessed
    let dirty = PageTableEntry.Bit.dirty
    var must: UInt64 = 0
    if flags & Self.mustAccess != 0 { must |= accessed }
    if flags & Self.mustDirty != 0 { must |= dirty }
    var excused: UInt64 = 0
    if flags & Self.excusedAccess != 0 { excused |= accessed & ~must }
    if flags & Self.excusedDirty != 0 { excused |= dirty & ~must }
    if after == before | must | excused { return }
    var may: UInt64 = 0
    if flags & Self.mayAccess != 0 { may |= accessed }
    if flags & Self.mayDirty != 0 { may |= dirty }
    // What one probe must set is missing, whatever another one of the batch may set.
    let required = before | must | excused
    if required & ~after == 0 && after & ~(required | may) == 0 { return }
    if let rules = rulesThatExcuse(
      word, missing: required & ~after, extra: after & ~required & ~may, required: before | must,
      after: after)
    {
      for rule in rules { collector.addExcused(rule) }
      return
    }
    collector.add(
      disagreement(
        at: address, word: word, before: before, after: after, must: must | excused, may: may,
        run, manner))
  }

  /// The rules by which an entry may be as it is, or nil where it may not.
  private func rulesThatExcuse(
    _ word: Int, missing: UInt64, extra: UInt64, required: UInt64, after: UInt64
  ) -> [Deviation]? {
    // What the entry was, and what a probe asks for that no rule is about, is not excused.
    guard required & ~after == 0, let excuses = excuses[word] else { return nil }
    let used = excuses.filter { $0.missing & missing != 0 || $0.extra & extra != 0 }
    let covered = used.reduce(into: (missing: UInt64(0), extra: UInt64(0))) {
      $0.missing |= $1.missing
      $0.extra |= $1.extra
    }
    guard missing & ~covered.missing == 0, extra & ~covered.extra == 0, !used.isEmpty else {
      return nil
    }
    return used.map { rules[$0.rule].rule }
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

extension ExpectedFlags.Excuse {
  /// What a rule about `difference` says of the entry at which a walk ends, or of one above it.
  fileprivate init(_ rule: Int, _ difference: FlagDifference, isLast: Bool) {
    let (accessed, dirty) = (PageTableEntry.Bit.accessed, PageTableEntry.Bit.dirty)
    self.rule = rule
    guard isLast else {
      missing = difference.contains(.accessedMissingAbove) ? accessed : 0
      extra = difference.contains(.accessedExtraAbove) ? accessed : 0
      return
    }
    missing =
      (difference.contains(.accessedMissing) ? accessed : 0)
      | (difference.contains(.dirtyMissing) ? dirty : 0)
    extra =
      (difference.contains(.accessedExtra) ? accessed : 0)
      | (difference.contains(.dirtyExtra) ? dirty : 0)
  }
}
