// Examination: what a machine can prove, found by trying everything once.

import KVM
import MMU

/// What CPUID promises about a feature, and what the trial showed.
public struct FeatureFinding: Hashable, Sendable {
  /// The feature.
  public let feature: MachineFeature
  /// What KVM's CPUID says.
  public let isPromised: Bool
  /// What the trial showed.
  public let outcome: TrialOutcome
  /// What would make it work, or nil when it works.
  public let remedy: String?
}

/// What an examination of a machine found.
public struct Examination: Sendable {
  /// Who executes.
  public let identity: MachineIdentity
  /// The vendor's name in CPUID.
  public let vendorName: String
  /// MAXPHYADDR as CPUID promises it.
  public let physicalAddressWidth: UInt8
  /// What came of some hundreds of cases of the access matrix, or nil when calibration failed.
  public let conformance: ConformanceReport?
  /// What was found by calibration, or nil when it failed.
  public let profile: MachineProfile?
  /// Why the machine cannot be believed, or nil when it can.
  public let problem: MachineError?
  /// Every feature; empty when calibration failed.
  public let features: [FeatureFinding]
  /// Every means at CPL 0 and CPL 3; empty when calibration failed.
  public let hostEdits: [HostEditFinding]
  /// The means that `verify` uses here.
  public let usedMeans: HostChangeMeans

  /// Tries everything on machines that `factory` makes.
  ///
  /// Throws: ``MachineError`` when no guest can be made at all.
  public static func ofMachine(
    _ factory: any MachineFactory
  ) throws(MachineError) -> Examination {
    do throws(MachineError) {
      let profile = try calibrated(factory)
      var features: [FeatureFinding] = []
      let calibrator = Calibrator(factory: factory)
      for feature in MachineFeature.allCases {
        let isPromised = factory.promises(feature)
        let outcome = try calibrator.outcome(of: feature, profile)
        features.append(
          FeatureFinding(
            feature: feature, isPromised: isPromised, outcome: outcome,
            remedy: outcome == .works
              ? nil
              : Remedy.text(
                for: feature, isPromised: isPromised, walker: factory.identity.walker)))
      }
      let trial = HostEditTrial(factory: factory, profile: profile)
      var edits: [HostEditFinding] = []
      for means in factory.possibleMeans {
        for privilege in PrivilegeLevel.allCases {
          edits.append(try trial.finding(at: privilege, by: means))
        }
      }
      let stale = edits.first { $0.means == factory.hostChangeMeans && !$0.isReliable }
      var problem = stale.map {
        MachineError.calibrationFailed(
          "CPL \($0.privilege.rawValue) does not see what the host writes to tables, "
            + $0.means.message)
      }
      let (conformance, whole) = try sample(factory, profile, features)
      if let difference = conformance.findings.unexplained.first, problem == nil {
        problem = .calibrationFailed(difference.example.words)
      }
      return Examination(
        factory, profile: whole, problem: problem, features: features, hostEdits: edits,
        conformance: conformance)
    } catch {
      if error.meansNoMachine { throw error }
      return Examination(factory, profile: nil, problem: error, features: [], hostEdits: [])
    }
  }

  /// Some hundreds of cases of the access matrix, and the profile with the rules that follow.
  private static func sample(
    _ factory: any MachineFactory, _ profile: MachineProfile, _ features: [FeatureFinding]
  ) throws(MachineError) -> (ConformanceReport, MachineProfile) {
    var options = ConformanceOptions()
    options.profile = .full
    // Few blocks, because each costs time whatever it holds; 31 has no factor in common with the
    // counts of accesses and modes, so that all of them come up.
    if let share = ConformanceShard(1, of: 31) { options.shard = share }
    options.selection = .sample(oneIn: 512)
    options.timeLimit = .seconds(60)
    var tried = profile
    tried.features = Set(features.filter { $0.outcome == .works }.map(\.feature))
    let report = try Conformance(factory).run(options, on: tried)
    var whole = profile
    for (rule, _) in report.findings(knowing: profile.deviations).rules
    where !whole.deviations.contains(where: { $0.id == rule.id }) {
      whole.deviations.append(rule)
    }
    return (report, whole)
  }

  /// Tries the basics, and a page below every root entry.
  private static func calibrated(
    _ factory: any MachineFactory
  ) throws(MachineError) -> MachineProfile {
    try Calibrator(factory: factory).profile(trying: [], rootIndices: Set(0..<512))
  }

  private init(
    _ factory: any MachineFactory, profile: MachineProfile?, problem: MachineError?,
    features: [FeatureFinding], hostEdits: [HostEditFinding],
    conformance: ConformanceReport? = nil
  ) {
    identity = factory.identity
    vendorName = factory.vendorName
    physicalAddressWidth = factory.physicalAddressWidth
    usedMeans = factory.hostChangeMeans
    self.profile = profile
    self.problem = problem
    self.features = features
    self.hostEdits = hostEdits
    self.conformance = conformance
  }
}
