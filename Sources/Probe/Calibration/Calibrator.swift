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

  /// Tries the basics, entry 256 and all root entries in `rootIndices`, and the features in
  /// `trials`.
  ///
  /// Throws: ``MachineError/calibrationFailed(_:)`` when the machine differs from the manual and
  /// no rule says how.
  func profile(
    trying trials: Set<MachineFeature>, rootIndices: Set<Int> = [],
    unexplained: UnexplainedPolicy = .fail
  ) throws(MachineError) -> MachineProfile {
    var profile = MachineProfile(
      identity: factory.identity, vendor: factory.vendor,
      physicalAddressWidth: min(52, max(32, factory.physicalAddressWidth)),
      features: [.noExecute, .writeProtect, .oneGiBPages], memoryHoles: factory.memoryHoles,
      deviations: known)
    let indices = rootIndices.union([256]).sorted()
    for first in stride(from: 0, to: indices.count, by: Self.rootIndicesPerRound) {
      let round = indices[first...].prefix(Self.rootIndicesPerRound)
      try tryBasics(&profile, rootIndices: Set(round), unexplained)
    }
    for feature in MachineFeature.allCases where trials.contains(feature) {
      guard let trial = CalibrationTrial(feature) else { continue }
      if try outcome(of: trial, profile) == .works { profile.features.insert(feature) }
    }
    return profile
  }

  /// Runs the scratch space and turns every difference into a missing feature or a rule.
  private func tryBasics(
    _ profile: inout MachineProfile, rootIndices: Set<Int>, _ unexplained: UnexplainedPolicy
  ) throws(MachineError) {
    let scratch = ScratchSpace(rootIndices: rootIndices, width: profile.physicalAddressWidth)
    let collector = try run(scratch, profile)
    for verdict in collector.disagreements + collector.lost
    where verdict.disagreements.contains(.modelledExecuted) || verdict.isUndecided {
      if let missing = scratch.missingFeature(verdict) {
        profile.features.remove(missing)
      } else if let deviation = scratch.deviation(verdict) {
        if !profile.deviations.contains(deviation) { profile.deviations.append(deviation) }
      } else if unexplained == .fail {
        throw .calibrationFailed(Self.text(verdict))
      }
    }
    // A and D are judged with what is known by now.
    let flags =
      profile.deviations.isEmpty && profile.features.contains(.oneGiBPages)
      ? collector.flagDisagreements
      : try run(scratch, profile, pages: .skip).flagDisagreements
    for flags in flags {
      guard let deviation = Deviation(explaining: flags) else {
        if unexplained == .leave { continue }
        throw .calibrationFailed(
          "the entry at \(HexadecimalNumber(flags.entryAddress)): \(flags.message)")
      }
      if !profile.deviations.contains(deviation) { profile.deviations.append(deviation) }
    }
  }

  /// What came of trying `feature` on a machine whose basics are known.
  func outcome(
    of feature: MachineFeature, _ profile: MachineProfile
  ) throws(MachineError) -> TrialOutcome {
    if let trial = CalibrationTrial(feature) { return try outcome(of: trial, profile) }
    return profile.features.contains(feature)
      ? .works : .differs("a leaf with the page-size bit faults as one with a reserved bit")
  }

  /// Works when a guest with the feature on does what the manual says.
  private func outcome(
    of trial: CalibrationTrial, _ profile: MachineProfile
  ) throws(MachineError) -> TrialOutcome {
    let collector: VerdictCollector
    do throws(MachineError) {
      collector = try run(trial.scratch(width: profile.physicalAddressWidth), profile)
    } catch {
      // A control register that KVM refuses is an answer.
      if case .kvm(.call(.setSpecialRegisters, _)) = error { return .refused(error.message) }
      if case .kvm(.call(.setMSR, _)) = error { return .refused(error.message) }
      if case .kvm(.missingCapability) = error { return .refused(error.message) }
      throw error
    }
    if let verdict = collector.lost.first { return .differs(Self.text(verdict)) }
    if let verdict = collector.disagreements.first(where: {
      $0.disagreements.contains(.modelledExecuted)
    }) {
      return .differs(Self.text(verdict))
    }
    return collector.flagDisagreements.first.map { .differs($0.message) } ?? .works
  }

  /// Runs the scratch space; pages that the machine is not known to support are probed or skipped.
  private func run(
    _ scratch: ScratchSpace, _ profile: MachineProfile, pages: UnsupportedPagePolicy = .probe
  ) throws(MachineError) -> VerdictCollector {
    var assumed = profile
    if pages == .probe { assumed.features = Set(MachineFeature.allCases) }
    let built = try Self.build(scratch.space, assumed)
    scratch.spoil(built)
    var options = VerificationOptions()
    options.unsupportedPages = pages
    let work = VerificationWork(built, profile: assumed, plan: scratch.plan, options: options)
    let collector = try work.run(
      on: factory, deadline: deadline, progress: ProgressCounter(totalCount: 0), workerLimit: 1)
    if collector.tallies.values.contains(where: { $0.notRun[.timeLimit] != nil }) {
      throw .calibrationFailed("the calibration came to no end")
    }
    return collector
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

  private static func text(_ verdict: ProbeVerdict) -> String {
    "\(verdict.manner.kind.label) of \(HexadecimalNumber(verdict.address)) at CPL"
      + " \(verdict.manner.privilege.rawValue): the model says \(verdict.modelled),"
      + " the machine \(verdict.executed)"
  }
}

extension MachineProfile {
  /// How this machine reads the tables of `space`.
  ///
  /// Throws: ``PagingConfigurationError`` for a root level that does not exist.
  public func configuration(
    for space: AddressSpace
  ) throws(PagingConfigurationError) -> PagingConfiguration {
    try PagingConfiguration(
      rootLevel: space.rootLevel, physicalAddressWidth: physicalAddressWidth,
      isNoExecuteEnabled: space.processor.isNoExecuteEnabled,
      supports1GiBPages: features.contains(.oneGiBPages), vendor: vendor)
  }
}
