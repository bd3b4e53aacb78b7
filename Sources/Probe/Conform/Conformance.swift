// Conformance: runs a profile, or a share of it, on one machine per core.

import Dispatch
import GuestMem
import MMU
import Synchronization

/// One of several equal shares of a profile's blocks.
public struct ConformanceShard: Hashable, Sendable {
  /// The number of this share, from 1 to `count`.
  public let number: Int
  /// How many shares there are.
  public let count: Int

  /// The whole profile.
  public static let whole = ConformanceShard(unchecked: 1, of: 1)

  /// Nil unless `number` lies between 1 and `count`.
  public init?(_ number: Int, of count: Int) {
    guard count >= 1, (1...count).contains(number) else { return nil }
    self.init(unchecked: number, of: count)
  }

  private init(unchecked number: Int, of count: Int) {
    self.number = number
    self.count = count
  }
}

/// How a profile is run.
public struct ConformanceOptions: Sendable {
  /// The cases.
  public var profile = ConformanceProfile.quick
  /// The share.
  public var shard = ConformanceShard.whole
  /// The time limit of the whole run.
  public var timeLimit: Duration = .seconds(3600)
  /// How many virtual machines may run at once.
  public var workerCount = processorCount()
  /// Blocks that are finished already, with their tallies.
  public var finished: [Int: ConformanceTally] = [:]
  /// Called after each block with all that are finished, from any thread but never twice at once.
  public var observer: (@Sendable (ConformanceProgress) -> Void)?
  /// Which pairs of a block are run, where it is not the profile that decides.
  var selection: ConformanceSelection?
  /// Asked between blocks; true ends the run in order.
  public var isCancelled: @Sendable () -> Bool = { false }

  /// The quick profile, whole.
  public init() {}
}

/// How far a run has come.
public struct ConformanceProgress: Sendable {
  /// Finished blocks and what came of them, those of earlier runs included.
  public let finished: [Int: ConformanceTally]
  /// All blocks of the share.
  public let blockCount: Int
}

/// What a run of a profile found.
public struct ConformanceReport: Sendable {
  /// The cases.
  public let profile: ConformanceProfile
  /// The share.
  public let shard: ConformanceShard
  /// The machine.
  public let machine: MachineProfile
  /// What came of each block.
  public let blocks: [Int: ConformanceTally]
  /// All blocks of the share, finished or not.
  public let blockCount: Int
  /// Cases that the machine cannot run, by what it lacks; for the whole profile.
  public let notRun: [NotRunReason: Int]
  /// How long this run took.
  public let time: Duration

  /// The sum over all blocks.
  public var total: ConformanceTally {
    var sum = ConformanceTally()
    for (_, tally) in blocks.sorted(by: { $0.key < $1.key }) { sum.merge(tally) }
    return sum
  }

  /// True when every block was finished.
  public var isComplete: Bool { blocks.count == blockCount }

  /// True when machine and model agree in every case, or differ as a rule says.
  public var isAgreement: Bool { total.mismatchCount == 0 }
}

/// Compares a machine with the model over a whole space of cases.
public struct Conformance: Sendable {
  private let factory: any MachineFactory

  /// Compares the machines that `factory` makes.
  public init(_ factory: any MachineFactory) { self.factory = factory }

  /// What the machine can do, found by trying everything.
  public func machineProfile() throws(MachineError) -> MachineProfile {
    try Calibrator(factory: factory).profile(
      trying: Set(MachineFeature.allCases), rootIndices: Set(0..<64))
  }

  /// Runs the cases of `options`.
  ///
  /// Throws: ``MachineError`` when the machine fails; what is finished has been given to the
  /// observer.
  public func run(_ options: ConformanceOptions) throws(MachineError) -> ConformanceReport {
    let start = ContinuousClock.now
    let machine = try machineProfile()
    let plan = ConformancePlan(options.profile, for: machine)
    let share = plan.blocks.filter { $0.index % options.shard.count == options.shard.number - 1 }
    let pending = share.filter { options.finished[$0.index] == nil }
    let indices = Set(share.map(\.index))
    let results = Mutex(
      ConformanceResults(finished: options.finished.filter { indices.contains($0.key) }))
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: max(1, options.workerCount)) { _ in
      do throws(MachineError) {
        let worker = ConformanceWorker(
          plan, machine, factory, start + options.timeLimit, options.selection)
        while !options.isCancelled() && ContinuousClock.now < start + options.timeLimit {
          let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard position < pending.count else { return }
          let tally = try worker.run(pending[position])
          // A block that the time limit cut short is not finished.
          guard tally.notRun[.timeLimit] == nil else { return }
          results.withLock { results in
            results.finished[pending[position].index] = tally
            options.observer?(
              ConformanceProgress(finished: results.finished, blockCount: share.count))
          }
        }
      } catch {
        results.withLock { $0.error = error }
      }
    }
    let found = results.withLock { $0 }
    if let error = found.error { throw error }
    return ConformanceReport(
      profile: options.profile, shard: options.shard, machine: machine, blocks: found.finished,
      blockCount: share.count, notRun: plan.notRun, time: ContinuousClock.now - start)
  }
}

private struct ConformanceResults: Sendable {
  var finished: [Int: ConformanceTally]
  var error: MachineError?
}

/// One thread's machines.
private final class ConformanceWorker {
  private let plan: ConformancePlan
  private let machine: MachineProfile
  private let factory: any MachineFactory
  private let deadline: ContinuousClock.Instant
  private let selection: ConformanceSelection
  private var benches: [Level: ConformanceBench] = [:]

  init(
    _ plan: ConformancePlan, _ machine: MachineProfile, _ factory: any MachineFactory,
    _ deadline: ContinuousClock.Instant, _ selection: ConformanceSelection?
  ) {
    self.selection = selection ?? (plan.profile == .quick ? .sample(oneIn: 64) : .everything)
    self.plan = plan
    self.machine = machine
    self.factory = factory
    self.deadline = deadline
  }

  func run(_ block: ConformanceBlock) throws(MachineError) -> ConformanceTally {
    let matrix = plan.matrices[block.matrix]
    let bench: ConformanceBench
    if let known = benches[matrix.rootLevel] {
      bench = known
    } else {
      bench = try ConformanceBench(
        plan.matrices, rootLevel: matrix.rootLevel, factory: factory)
      benches[matrix.rootLevel] = bench
    }
    guard
      var run = ConformanceBlockRun(
        block, matrix: matrix, on: bench, machine: machine,
        selection: selection, deadline: deadline)
    else { return ConformanceTally() }
    try run.run()
    return run.tally
  }
}
