// Calibrator: finds out what a machine does before it is believed.

import GuestMem
import KVM
public import MMU

/// Tries a machine with tables that are known to be right.
struct Calibrator {
  let factory: any MachineFactory
  /// When a machine in trouble is given up.
  var deadline = ContinuousClock.now + .seconds(60)
  /// Rules that are known of the machine already.
  var known: [Deviation] = []

  /// What happens where the machine differs from the manual and no rule says how.
  enum UnexplainedPolicy {
    /// The machine is not believed.
    case fail
    /// It is left to somebody who tries more.
    case leave
  }

  /// So many root entries are tried at once; the agent needs one of those that are left.
  private static let rootIndicesPerRound = 60
  /// A machine whose basics lose so many guests is not looked at any more.
  private static let basicLossLimit = 3

  /// Tries the basics, entry 256 and all root entries in `rootIndices`, and the features in
  /// `trials`.
  ///
  /// - Throws: ``MachineError/calibrationFailed(_:)`` when the basics differ from the manual and no
  ///   rule says how, and ``MachineError/calibrationUnfinished`` when time runs out.
  func profile(
    trying trials: Set<MachineFeature>, rootIndices: Set<Int> = [],
    unexplained: UnexplainedPolicy = .fail
  ) throws(MachineError) -> MachineProfile {
    var (profile, _) = try basics(rootIndices: rootIndices, unexplained: unexplained)
    for feature in MachineFeature.allCases
    where trials.contains(feature) && CalibrationTrial(feature) != nil {
      switch try outcome(of: feature, profile, unexplained: unexplained) {
      case .works: profile.features.insert(feature)
      case .refused, .differs: profile.features.remove(feature)
      case .unfinished: throw .calibrationUnfinished
      }
    }
    let tried = profile.features.intersection(trials)
    if tried.contains(.supervisorProtectionKeys), unexplained == .fail {
      try tryKeyReports(
        &profile,
        rootLevel: tried.contains(.fiveLevelPaging) ? .pageMapLevel5 : .pageMapLevel4)
    }
    return profile
  }

  /// What every machine must do right, and what came of 1 GiB pages.
  func basics(
    rootIndices: Set<Int>, unexplained: UnexplainedPolicy
  ) throws(MachineError) -> (profile: MachineProfile, oneGiBPages: TrialOutcome) {
    var profile = MachineProfile(
      identity: factory.identity, vendor: factory.vendor,
      physicalAddressWidth: min(52, max(32, factory.physicalAddressWidth)),
      features: [.noExecute, .writeProtect], memoryHoles: factory.memoryHoles,
      deviations: known)
    var oneGiBPages = TrialOutcome.unfinished
    let indices = rootIndices.union([256]).sorted()
    for first in stride(from: 0, to: indices.count, by: Self.rootIndicesPerRound) {
      let round = Set(indices[first...].prefix(Self.rootIndicesPerRound))
      let scratch = ScratchSpace(rootIndices: round, width: profile.physicalAddressWidth)
      let bench = try bench(for: scratch, profile, lossLimit: Self.basicLossLimit)
      try tryBasics(&profile, scratch, on: bench, unexplained)
      guard first == 0 else { continue }
      var deviations: [Deviation] = []
      oneGiBPages = try tryOneGiBPages(profile, scratch, &deviations, unexplained)
      guard oneGiBPages == .works else { continue }
      profile.features.insert(.oneGiBPages)
      for rule in deviations where !profile.deviations.contains(rule) {
        profile.deviations.append(rule)
      }
    }
    return (profile, oneGiBPages)
  }

  /// Runs the scratch space and turns every difference into a rule.
  private func tryBasics(
    _ profile: inout MachineProfile, _ scratch: ScratchSpace, on bench: TrialBench,
    _ unexplained: UnexplainedPolicy
  ) throws(MachineError) {
    let mode = TrialRound(ProcessorSettings())
    var collector = try bench.verdicts(of: scratch.plan, mode, knowing: Self.assumed(profile))
    // CPUID of an emulated processor may name a vendor whose rules it does not follow.
    if let vendor = collector.disagreements.lazy.compactMap(scratch.vendor).first,
      vendor != profile.vendor
    {
      profile.vendor = vendor
      collector = try bench.verdicts(of: scratch.plan, mode, knowing: Self.assumed(profile))
    }
    for verdict in collector.disagreements + collector.lost
    where verdict.disagreements.contains(.modelledExecuted) || verdict.isUndecided {
      if let deviation = scratch.deviation(verdict) {
        if !profile.deviations.contains(deviation) { profile.deviations.append(deviation) }
      } else if unexplained == .fail {
        throw .calibrationFailed(Self.text(verdict))
      }
    }
    if let loss = bench.firstLoss, unexplained == .fail { throw .calibrationFailed(loss) }
    if collector.isUnfinished { throw .calibrationUnfinished }
    // A and D are judged with what is known by now.
    let flags =
      profile.deviations.isEmpty
      ? collector.flagDisagreements
      : try bench.verdicts(of: scratch.plan, mode, knowing: Self.assumed(profile))
        .flagDisagreements
    for flags in flags {
      if let deviation = Deviation(explaining: flags) {
        if !profile.deviations.contains(deviation) { profile.deviations.append(deviation) }
      } else if unexplained == .fail {
        throw .calibrationFailed(
          "the entry at \(HexadecimalNumber(flags.entryAddress)): \(flags.message)")
      }
    }
  }

  /// A leaf of 1 GiB, read and written at both privilege levels; an access that faults there may
  /// mark the leaf, which is a rule about the machine.
  private func tryOneGiBPages(
    _ profile: MachineProfile, _ scratch: ScratchSpace, _ deviations: inout [Deviation],
    _ unexplained: UnexplainedPolicy
  ) throws(MachineError) -> TrialOutcome {
    var rules: [Deviation] = []
    defer { deviations = rules }
    return try answer { () throws(MachineError) in
      let bench = try bench(for: scratch, profile, lossLimit: 1)
      let collector = try bench.verdicts(
        of: scratch.largePlan, TrialRound(ProcessorSettings()), knowing: Self.assumed(profile))
      if let outcome = Self.outcome(of: collector, bench, unexplained) {
        if let verdict = collector.firstDifference(unexplained),
          case .pageFault(let code, _) = verdict.executed,
          code & PageFaultErrorCode.reserved.rawValue != 0
        {
          return .differs("a leaf with the page-size bit faults as one with a reserved bit")
        }
        return outcome
      }
      for flags in collector.flagDisagreements {
        if let rule = Deviation(explaining: flags) {
          rules.append(rule)
        } else if unexplained == .fail {
          return .differs(flags.message)
        }
      }
      return .works
    }
  }

  /// What came of trying `feature`, which the basics do not show, on a machine whose basics are
  /// known.
  ///
  /// Where unexplained differences are left to somebody who tries more, the basics may have them, and
  /// they show with every feature: only what the feature allows and denies is held against it.
  func outcome(
    of feature: MachineFeature, _ profile: MachineProfile,
    unexplained: UnexplainedPolicy = .fail
  ) throws(MachineError) -> TrialOutcome {
    guard let trial = CalibrationTrial(feature) else {
      return profile.features.contains(feature) ? .works : .unfinished
    }
    return try answer { () throws(MachineError) in
      guard ContinuousClock.now < deadline else { return .unfinished }
      let bench = try bench(for: trial.scratch, profile, lossLimit: 1)
      for round in trial.rounds where round.asksOnlyFor(feature, beside: profile.features) {
        let collector = try bench.verdicts(
          of: trial.scratch.plan, round, knowing: Self.assumed(profile))
        var outcome = Self.outcome(of: collector, bench, unexplained)
        if outcome == nil, unexplained == .fail, let flags = collector.flagDisagreements.first {
          outcome = .differs(flags.message)
        }
        if case .differs(let what)? = outcome { return .differs("\(round.words): \(what)") }
        if let outcome { return outcome }
      }
      return .works
    }
  }

  /// The outcome of a trial; what KVM refuses and what a machine fails at are answers.
  private func answer(
    _ trial: () throws(MachineError) -> TrialOutcome
  ) throws(MachineError) -> TrialOutcome {
    do throws(MachineError) {
      return try trial()
    } catch {
      guard error.isAboutTheMachine else { throw error }
      return .refused(error.message)
    }
  }

  /// What shows that a feature does not work, or nil.
  private static func outcome(
    of collector: VerdictCollector, _ bench: TrialBench, _ unexplained: UnexplainedPolicy
  ) -> TrialOutcome? {
    if let verdict = collector.firstDifference(unexplained) { return .differs(text(verdict)) }
    if let verdict = collector.lost.first { return .differs(text(verdict)) }
    if let loss = bench.firstLoss { return .differs(loss) }
    return collector.isUnfinished ? .unfinished : nil
  }

  func bench(
    for scratch: ScratchSpace, _ profile: MachineProfile, lossLimit: Int
  ) throws(MachineError) -> TrialBench {
    try TrialBench(
      scratch, Self.assumed(profile), on: factory, lossLimit: lossLimit, deadline: deadline)
  }

  /// The machine as one that has everything, so that nothing is left out.
  static func assumed(_ profile: MachineProfile) -> MachineProfile {
    var assumed = profile
    assumed.features = Set(MachineFeature.allCases)
    return assumed
  }

  static func build(
    _ space: AddressSpace, _ profile: MachineProfile
  ) throws(MachineError) -> BuiltAddressSpace {
    do {
      return try BuiltAddressSpace(
        space, configuration: profile.configuration(for: space))
    } catch let error as AddressSpaceBuildError {
      if case .memory(let error) = error { throw .memory(error) }
      throw .calibrationFailed("the scratch space cannot be built: \(error.message)")
    } catch {
      throw .calibrationFailed("the scratch space cannot be built: \(error)")
    }
  }

  static func text(_ verdict: ProbeVerdict) -> String {
    "\(verdict.manner.kind.label) of \(HexadecimalNumber(verdict.address)) at CPL"
      + " \(verdict.manner.privilege.rawValue): the model says"
      + " \(verdict.modelled.words), the machine \(verdict.executed.words)"
  }
}

extension MachineProfile {
  /// How this machine reads the tables of `space`.
  ///
  /// - Throws: `PagingConfigurationError` for a root level that does not exist.
  public func configuration(
    for space: AddressSpace
  ) throws(PagingConfigurationError) -> PagingConfiguration {
    try configuration(rootLevel: space.rootLevel, settings: space.processor)
  }

  /// How this machine reads tables of `rootLevel` with `settings`.
  func configuration(
    rootLevel: Level, settings: ProcessorSettings
  ) throws(PagingConfigurationError) -> PagingConfiguration {
    try PagingConfiguration(
      rootLevel: rootLevel, physicalAddressWidth: physicalAddressWidth,
      isNoExecuteEnabled: settings.isNoExecuteEnabled,
      supports1GiBPages: features.contains(.oneGiBPages), vendor: vendor)
  }
}
