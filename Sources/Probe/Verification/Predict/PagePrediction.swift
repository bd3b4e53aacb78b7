// PagePrediction: what the model says about the six uses of a page.

import GuestMem
import MMU

/// The model's answer for one page, small enough to keep for millions of pages.
struct PagePrediction: Sendable {
  /// The words of the walk: for each step the table's position in the table set, times 512, plus
  /// the index of the entry; -1 for steps that were not taken.
  private(set) var words: (Int32, Int32, Int32, Int32, Int32) = (-1, -1, -1, -1, -1)
  private(set) var stepCount = 0
  /// The frame that the page leads to, or nil when the walk stops.
  private(set) var frame: UInt64?
  /// True when the walk reads a table or ends in a page that belongs to the agent.
  var reachesAgent = false
  private var answers: (Answer, Answer, Answer, Answer, Answer, Answer)

  /// What the model says about one manner.
  struct Answer: Sendable {
    let outcome: AccessOutcome
    /// By step of the walk: the bits that must be set afterwards.
    let mustAccess: UInt8
    /// By step of the walk: entries whose accessed bit may be set.
    let mayAccess: UInt8
    /// The step whose dirty bit must be set, or nil.
    let dirtyStep: UInt8?
  }

  init(
    _ walk: Walk, settings: ProcessorSettings, configuration: PagingConfiguration,
    tables: TableSet, memory: ProbeMemory
  ) {
    let supervisor = settings.mode(at: .supervisor)
    let user = settings.mode(at: .user)
    func answer(_ kind: AccessKind, _ mode: CPUMode) -> Answer {
      Answer(walk.predict(Access(kind), mode: mode, configuration: configuration), walk)
    }
    answers = (
      answer(.read, supervisor), answer(.fetch, supervisor), answer(.write, supervisor),
      answer(.read, user), answer(.fetch, user), answer(.write, user)
    )
    stepCount = walk.stepCount
    for index in 0..<walk.stepCount {
      let address = walk.step(index).entryAddress.rawValue
      if let position = tables.position(of: address & ~0xfff) {
        setWord(index, Int32(position * 512 + Int(address >> 3 & 511)))
      }
    }
    if case .page(let translation) = walk.end {
      let reached = translation.physicalAddress.rawValue & ~0xfff
      frame = reached
      reachesAgent = memory.kind(of: reached) == .agent
    }
    // The first step reads the root's copy, which is the agent's.
    for index in 0..<walk.stepCount where index > 0 {
      let address = walk.step(index).entryAddress.rawValue
      if memory.kind(of: address) == .agent { reachesAgent = true }
    }
  }

  /// The answer for a manner.
  func answer(for manner: ProbeManner) -> Answer {
    switch manner.index {
    case 0: answers.0
    case 1: answers.1
    case 2: answers.2
    case 3: answers.3
    case 4: answers.4
    default: answers.5
    }
  }

  /// The word that step `index` of the walk reads, or -1.
  func word(_ index: Int) -> Int32 {
    switch index {
    case 0: words.0
    case 1: words.1
    case 2: words.2
    case 3: words.3
    default: words.4
    }
  }

  private mutating func setWord(_ index: Int, _ word: Int32) {
    switch index {
    case 0: words.0 = word
    case 1: words.1 = word
    case 2: words.2 = word
    case 3: words.3 = word
    default: words.4 = word
    }
  }
}

extension PagePrediction.Answer {
  init(_ prediction: AccessPrediction, _ walk: Walk) {
    outcome = prediction.outcome
    var must: UInt8 = 0
    var may: UInt8 = 0
    var dirty: UInt8?
    for index in 0..<walk.stepCount {
      let level = walk.step(index).entry.level
      if prediction.mustSetAccessed.contains(level) { must |= 1 << UInt8(index) }
      if prediction.maySetAccessed.contains(level) { may |= 1 << UInt8(index) }
      if prediction.mustSetDirty == level { dirty = UInt8(index) }
    }
    mustAccess = must
    mayAccess = may
    dirtyStep = dirty
  }
}
