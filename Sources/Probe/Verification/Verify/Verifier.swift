// Verifier: the main job, from an address space to a report.

import GuestMem
public import KVM
import MMU

/// Proves address spaces on a machine.
///
/// ```swift
/// let verifier = try Verifier()
/// let report = try verifier.verify(space)
/// print(report.isAgreement)
/// ```
public struct Verifier: Sendable {
  let factory: (any MachineFactory)?
  /// Rules by which the machine is known to differ from the manual, such as `kvmpt conform` derives;
  /// calibration adds what it finds itself.
  public var knownDeviations: [Deviation] = []
  /// Another machine, and what it is asked.
  public var second: SecondMachine?
  /// The rules expected of machines: a report remarks on each other one that it needs.
  public var baseline: Baseline?
  /// The machine of the profile whose rules are used.
  var usedProfile: MachineIdentity?

  /// Opens the KVM device.
  ///
  /// - Throws: ``MachineError/kvm(_:)``, which says what to do about it.
  public init(devicePath: String = Device.standardPath) throws(MachineError) {
    factory = try KVMMachineFactory(devicePath: devicePath)
  }

  /// Proves on the machines that `factory` makes; without one, every probe is left to the model.
  public init(factory: (any MachineFactory)?) { self.factory = factory }

  /// Compares what was asked with the model only; every probe is reported as not run.
  public static let modelOnly = Verifier(factory: nil)

  /// Who executes, or nil without a machine.
  public var machineIdentity: MachineIdentity? { factory?.identity }

  /// Builds the tables of `space` and proves them.
  ///
  /// - Throws: ``VerificationError``.
  public func verify(
    _ space: AddressSpace, options: VerificationOptions = VerificationOptions()
  ) throws(VerificationError) -> VerificationReport {
    let start = ContinuousClock.now
    let profile = try profile(for: space, timeLimit: options.timeLimit)
    let calibrated = ContinuousClock.now
    let deadline = start + options.timeLimit
    let built = try build(space, profile) {
      options.isCancelled() ? .interrupted : ContinuousClock.now < deadline ? nil : .timeLimit
    }
    return try verify(
      built, profile, options, start: start, calibrationTime: calibrated - start)
  }

  /// Proves tables that are built already, and that somebody may have changed since.
  ///
  /// Without a plan the pages are those that the address space asks for, and without a profile the
  /// machine is calibrated first. Whatever the plan is, all that was asked for is compared whole with
  /// all that the tables map: see ``ProofReport/comparison``.
  ///
  /// - Throws: ``VerificationError`` when the machine cannot be had or stops working.
  public func verify(
    _ built: borrowing BuiltAddressSpace, plan: ProbePlan? = nil,
    options: VerificationOptions = VerificationOptions(), profile: MachineProfile? = nil
  ) throws(VerificationError) -> VerificationReport {
    let start = ContinuousClock.now
    var known = profile
    if known == nil { known = try self.profile(for: built.space, timeLimit: options.timeLimit) }
    let calibrated = ContinuousClock.now
    return try verify(
      built, known, options, start: start, calibrationTime: calibrated - start, plan: plan)
  }

  /// What the machine was found to do, as far as `space` needs it; nil without a machine.
  ///
  /// A machine that is not calibrated within `timeLimit`, or within 5 seconds if that is less, is
  /// given up.
  ///
  /// - Throws: ``VerificationError/machine(_:)`` when the machine cannot be had or calibrated.
  public func profile(
    for space: AddressSpace, timeLimit: Duration = .seconds(60)
  ) throws(VerificationError) -> MachineProfile? {
    do throws(MachineError) {
      return try profile(
        rootLevel: space.rootLevel, settings: space.processor,
        rootIndices: Self.rootIndices(of: space), timeLimit: timeLimit)
    } catch {
      throw .machine(error)
    }
  }

  /// What the machine was found to do, as far as tables of `rootLevel` need it.
  func profile(
    rootLevel: Level, settings: ProcessorSettings, rootIndices: Set<Int>,
    timeLimit: Duration
  ) throws(MachineError) -> MachineProfile? {
    guard let factory else { return nil }
    // XD is tried always.
    var trials = settings.neededFeatures.subtracting([.noExecute])
    if rootLevel == .pageMapLevel5 { trials.insert(.fiveLevelPaging) }
    var profile = try Calibrator(
      factory: factory, deadline: ContinuousClock.now + max(timeLimit, .seconds(5)),
      known: knownDeviations
    ).profile(trying: trials, rootIndices: rootIndices)
    // By now the machine has said which version it is.
    profile.identity = factory.identity
    if let usedProfile { profile.noteVersions(of: usedProfile) }
    if let baseline { profile.note(baseline) }
    return profile
  }

  /// The root entries below which the probes of a space are, as far as they can be told from what
  /// is asked for: those of all mappings, of the pages beside them, and of the expectations.
  private static func rootIndices(of space: AddressSpace) -> Set<Int> {
    // Calibration tries them in tables of 4 levels.
    guard space.rootLevel == .pageMapLevel4 else { return [] }
    let shift = space.rootLevel.indexShift
    func index(_ address: UInt64) -> Int { Int(address >> shift & 511) }
    var indices = Set(space.recursiveSlot.map { [$0.index & 511] } ?? [])
    for mapping in space.mappings {
      let first = mapping.linearAddress.rawValue
      let last = first &+ (mapping.byteCount &- 1)
      indices.formUnion([index(first &- 4096), index(last &+ 1)])
      indices.formUnion(index(first)...max(index(first), index(last)))
    }
    for expectation in space.expectations { indices.insert(index(expectation.linearAddress)) }
    return indices
  }

  /// Writes the tables of `space` for a machine, or for any when `profile` is nil.
  ///
  /// - Throws: ``VerificationError/build(_:)`` for a space that no tables can express.
  public func build(
    _ space: AddressSpace, _ profile: MachineProfile?
  ) throws(VerificationError) -> BuiltAddressSpace {
    try build(space, profile) { nil }
  }

  private func build(
    _ space: AddressSpace, _ profile: MachineProfile?, reasonToStop: () -> NotRunReason?
  ) throws(VerificationError) -> BuiltAddressSpace {
    do {
      return try BuiltAddressSpace(
        space, configuration: (profile ?? .anyMachine).configuration(for: space),
        reasonToStop: reasonToStop)
    } catch let error as AddressSpaceBuildError {
      throw .build(error)
    } catch {
      throw .build(.invalid([.unsupportedRootLevel(space.rootLevel)]))
    }
  }

  private func verify(
    _ built: borrowing BuiltAddressSpace, _ profile: MachineProfile?,
    _ options: VerificationOptions, start: ContinuousClock.Instant, calibrationTime: Duration,
    plan given: ProbePlan? = nil
  ) throws(VerificationError) -> VerificationReport {
    let plan = given ?? built.plan(options.extent)
    let deadline = start + options.timeLimit
    let comparison = built.comparison {
      if options.isCancelled() { return .interrupted }
      return ContinuousClock.now < deadline ? nil : .timeLimit
    }
    let executionStart = ContinuousClock.now
    let first = try pass(
      built, on: factory, profile, plan, options, deadline, second: second?.question)
    var secondCalibrationTime = Duration.zero
    var passes = try ProofPasses(first, plan: plan, second: second) { (error) -> MachineError? in
      if case .machine(let problem) = error { problem } else { nil }
    } ask: { (factory, plan) throws(VerificationError) in
      let begin = ContinuousClock.now
      let profile = try other(factory).profile(
        for: built.space, timeLimit: deadline - begin)
      secondCalibrationTime = ContinuousClock.now - begin
      return try pass(built, on: factory, profile, plan, options, deadline, second: again)
    }
    passes.addUnplanned(plan)
    let end = ContinuousClock.now
    return VerificationReport(
      built, plan: plan, extent: given == nil ? options.extent : .reduced, profile: profile,
      comparison: comparison, passes,
      times: VerificationTimes(
        total: end - start, calibration: calibrationTime + secondCalibrationTime,
        execution: end - executionStart - secondCalibrationTime,
        guest: passes.collector.guestTime))
  }

  /// Somebody who asks another machine; the rules of a profile are about the first one only.
  func other(_ factory: any MachineFactory) -> Verifier {
    var other = Verifier(factory: factory)
    other.baseline = baseline
    return other
  }

  /// What the second machine's answers are kept for.
  private var again: SecondMachine.Question? {
    second?.question == .everything ? .everything : nil
  }

  /// Asks one machine, or the model alone where there is none.
  private func pass(
    _ built: borrowing BuiltAddressSpace, on factory: (any MachineFactory)?,
    _ profile: MachineProfile?, _ plan: ProbePlan, _ options: VerificationOptions,
    _ deadline: ContinuousClock.Instant, second: SecondMachine.Question?
  ) throws(VerificationError) -> ProofPass {
    let work = VerificationWork(
      built, profile: profile ?? .anyMachine,
      configuration: try? profile?.configuration(for: built.space), plan: plan, options: options,
      second: second)
    let progress = options.progress(of: plan, work.setup, deadline)
    let collector: VerdictCollector
    if let factory, let profile {
      if let obstacle = profile.obstacle(for: built.space) {
        collector = work.withoutMachine(obstacle, deadline, progress: progress)
      } else {
        do throws(MachineError) {
          collector = try work.run(
            on: factory, deadline: deadline, progress: progress, workerLimit: options.workerCount)
        } catch {
          throw .machine(error)
        }
      }
    } else {
      collector = work.withoutMachine(.noMachine, deadline, progress: progress)
    }
    let memory = built.physicalMemory
    // What links which table is looked at once, for the first of the disagreements.
    var uses: TableUses?
    var disagreements: [Disagreement] = []
    for verdict in collector.disagreements {
      let configuration = work.setup.configuration(for: verdict.page)
      let known =
        uses ?? TableUses(of: PageTables(cr3: work.cr3, configuration: configuration), in: memory)
      uses = known
      disagreements.append(
        Disagreement(
          verdict, cr3: work.cr3, configuration: configuration, processor: work.setup.settings,
          in: memory, known))
    }
    return ProofPass(profile: profile, collector: collector, disagreements: disagreements)
  }
}

extension MachineProfile {
  /// A machine that has everything and differs in nothing, for comparing with the model alone.
  public static let anyMachine = MachineProfile(
    identity: MachineIdentity(
      name: "model", walker: .unknown, processorName: "", kernelRelease: ""),
    vendor: .intel, physicalAddressWidth: 52, features: Set(MachineFeature.allCases),
    deviations: [])
}
