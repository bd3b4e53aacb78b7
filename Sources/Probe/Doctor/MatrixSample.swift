// MatrixSample: some hundreds of cases of the access matrix, tried within a time.

import Dispatch
import MMU
import Synchronization

/// What came of a sample of the access matrix.
public struct MatrixSample: Hashable, Sendable {
  /// The cases that were tried.
  public internal(set) var caseCount = 0
  /// Those in which the machine does what the manual says.
  public internal(set) var agreedCount = 0
  /// Those that a rule about the machine explains.
  public internal(set) var explainedCount = 0
  /// Those that differ, and for which time allowed no search for a rule; `kvmpt conform` finds it.
  public internal(set) var leftCount = 0
  /// How many kinds of difference those are.
  public internal(set) var leftKindCount = 0
  /// The parts of the sample that time allowed.
  public internal(set) var finishedBlockCount = 0
  /// All parts of the sample.
  public internal(set) var blockCount = 0

  /// True when nothing was left to `kvmpt conform` that the sample was meant to cover.
  public var isComplete: Bool { leftCount == 0 && finishedBlockCount == blockCount }
}

/// Runs the sample, and judges what it found.
struct SampleRun {
  /// What was found in the modes that have just these features on.
  typealias Groups = [Set<MachineFeature>: ConformanceEvidence]

  private(set) var sample = MatrixSample()
  private(set) var groups: Groups = [:]

  /// Runs blocks until all are done or `deadline` comes.
  ///
  /// Few blocks, because each costs time whatever it holds; 31 has no factor in common with the
  /// counts of accesses and modes, so that all of them come up.
  init(
    _ factory: any MachineFactory, _ machine: MachineProfile, deadline: ContinuousClock.Instant
  ) throws(MachineError) {
    let plan = try Conformance(factory).plan(.full, machine)
    let blocks = Self.ordered(plan.blocks.filter { $0.index % 31 == 0 }, plan)
    let state = Mutex(State())
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: processorCount()) { _ in
      let worker = ConformanceWorker(
        plan, machine, factory, deadline, .sample(oneIn: 512))
      while ContinuousClock.now < deadline {
        let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard position < blocks.count else { return }
        let block = blocks[position]
        do throws(MachineError) {
          let result = try worker.run(block)
          // A block that time cut short is not finished.
          guard result.tally.notRun[.timeLimit] == nil else { return }
          state.withLock { $0.add(result, plan.features(of: block)) }
        } catch {
          state.withLock { $0.error = $0.error ?? error }
          return
        }
      }
    }
    let found = state.withLock { $0 }
    if let error = found.error { throw error }
    sample = found.sample
    sample.blockCount = blocks.count
    groups = found.groups.mapValues { $0.withoutOrdinaryRootEntries() }
  }

  private struct State: Sendable {
    var sample = MatrixSample()
    var groups: Groups = [:]
    var error: MachineError?

    mutating func add(_ result: ConformanceBlockResult, _ features: Set<MachineFeature>) {
      sample.caseCount += result.tally.caseCount
      sample.agreedCount += result.tally.agreedCount
      sample.finishedBlockCount += 1
      groups[features, default: ConformanceEvidence()].merge(result.evidence)
    }
  }

  /// The blocks in an order in which no set of features has to wait for all cases of another.
  private static func ordered(
    _ blocks: [ConformanceBlock], _ plan: ConformancePlan
  ) -> [ConformanceBlock] {
    var counts: [Set<MachineFeature>: Int] = [:]
    let turns = blocks.map { block in
      let features = plan.features(of: block)
      counts[features, default: 0] += 1
      return (turn: counts[features, default: 0], featureCount: features.count, block: block)
    }
    return turns.sorted {
      ($0.turn, $0.featureCount, $0.block.index) < ($1.turn, $1.featureCount, $1.block.index)
    }.map(\.block)
  }

  /// Finds rules until `deadline`, and says what they leave.
  func judgement(
    knowing known: [Deviation], deadline: ContinuousClock.Instant
  ) -> SampleJudgement {
    SampleJudgement(sample, groups, knowing: known, deadline: deadline)
  }
}

extension ConformancePlan {
  /// The features that are on in a block, of those that a machine can do without.
  func features(of block: ConformanceBlock) -> Set<MachineFeature> {
    let settings: ProcessorSettings
    let rootLevel: Level
    var features: Set<MachineFeature> = []
    switch block.work {
    case .matrix(let work):
      let matrix = matrices[work.matrix]
      settings = work.settings
      rootLevel = matrix.rootLevel
      if matrix.hasLeaves && matrix.lowerLevel == .pageDirectoryPointerTable
        && !matrix.isForLackOf1GiBPages
      {
        features.insert(.oneGiBPages)
      }
    case .sequence(let position):
      settings = sequences[position].settings
      rootLevel = sequences[position].space.rootLevel
    }
    if rootLevel == .pageMapLevel5 { features.insert(.fiveLevelPaging) }
    return features.union(settings.neededFeatures.subtracting([.noExecute]))
  }
}
