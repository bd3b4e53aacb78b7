// Conformance: runs a profile, or a share of it, on one machine per core.

import Dispatch
import GuestMem
import MMU
import Synchronization

/// Compares a machine with the model over a whole space of cases.
public struct Conformance: Sendable {
  private let factory: any MachineFactory

  /// Compares the machines that `factory` makes.
  public init(_ factory: any MachineFactory) { self.factory = factory }

  /// What the machine can do, found by trying everything; how it differs is for the cases to say.
  ///
  /// - Throws: ``MachineError`` when a machine cannot be had or stops working.
  public func machineProfile() throws(MachineError) -> MachineProfile {
    var profile = try Calibrator(factory: factory).profile(
      trying: Set(MachineFeature.allCases), unexplained: .leave)
    profile.deviations = []
    // By now the machine has said which version it is.
    profile.identity = factory.identity
    return profile
  }

  /// Runs the cases of `options`.
  ///
  /// - Throws: ``MachineError`` when the machine fails; what is finished has been given to the
  ///   observer.
  public func run(_ options: ConformanceOptions) throws(MachineError) -> ConformanceReport {
    try run(options, on: machineProfile())
  }

  /// The number of blocks that a profile has on machines that are as `machine` says.
  ///
  /// - Throws: ``MachineError/invalidProfile(physicalAddressWidth:)`` for a machine that cannot
  ///   exist, and other cases of ``MachineError`` when a machine cannot be had.
  public func blockCount(
    of profile: ConformanceProfile, on machine: MachineProfile
  ) throws(MachineError) -> Int {
    try plan(profile, machine).blocks.count
  }

  /// The plan of a profile for machines that are as `machine` says.
  func plan(
    _ profile: ConformanceProfile, _ machine: MachineProfile
  ) throws(MachineError) -> ConformancePlan {
    guard (32...52).contains(machine.physicalAddressWidth) else {
      throw .invalidProfile(physicalAddressWidth: machine.physicalAddressWidth)
    }
    var hasDescriptors = false
    if profile != .access { hasDescriptors = try readsDescriptors() }
    return ConformancePlan(profile, for: machine, readsDescriptors: hasDescriptors)
  }

  /// Runs the cases of `options` on machines that are known to be as `machine` says.
  ///
  /// - Throws: ``MachineError`` when the machine fails; what is finished has been given to the
  ///   observer.
  public func run(
    _ options: ConformanceOptions, on machine: MachineProfile
  ) throws(MachineError) -> ConformanceReport {
    let start = ContinuousClock.now
    let deadline = start + options.timeLimit
    let plan = try plan(options.profile, machine)
    let progress = ConformanceResults(options, machine, plan, start: start)
    let pending = progress.pending(plan.blocks)
    let selection =
      options.selection ?? options.sampledOneIn.map { .sample(oneIn: $0) }
      ?? (options.profile == .quick ? .quick : .everything)
    let model = ConformanceModel(missingRule: options.missingRule)
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(
      iterations: max(1, min(options.workerCount, pending.count))
    ) { _ in
      do throws(MachineError) {
        let worker = ConformanceWorker(plan, machine, factory, deadline, selection, model: model)
        while !options.isCancelled() && ContinuousClock.now < deadline {
          let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard position < pending.count else { return }
          let result = try worker.run(pending[position])
          // A block that the time limit cut short is not finished.
          guard result.tally.notRun[.timeLimit] == nil else { return }
          progress.add(result, of: pending[position].index)
        }
      } catch {
        progress.fail(error)
      }
    }
    return try progress.finish()
  }

  /// True when CPL 3 reads the guest's own descriptor tables: a table that is not mapped faults.
  func readsDescriptors() throws(MachineError) -> Bool {
    let bench = try SequenceBench(rootLevel: .pageMapLevel4, factory: factory)
    let space = SequenceSpace(rootLevel: .pageMapLevel4)
    let settings = ProcessorSettings()
    var session = AgentSession(
      bench.machine, bench.prepare(space, settings), root: space.root)
    let table: UInt64 = 1 << 39
    session.setLocalDescriptorTable(at: table)
    let records = session.records
    records.ask(table, value: 0xff7, at: 0)
    try bench.machine.showHostChanges()
    let end = try session.run(
      .descriptor, at: .user, count: 1,
      in: ProcessorState(settings, rootLevel: .pageMapLevel4),
      deadline: ContinuousClock.now + .seconds(10)
    ).end
    guard case .finished = end else { return false }
    let answer = records.answer(at: 0)
    return answer.hasFaulted && answer.vector == 14
  }
}

extension ConformanceSelection {
  /// What `quick` is of `full`.
  static let quick = ConformanceSelection.sample(oneIn: 128)
}
