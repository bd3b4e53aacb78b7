// Examination: what a machine can prove, found by trying everything once.

public import KVM
import MMU

/// What CPUID promises about a feature, and what the trial showed.
///
/// The trial decides; the promise is for the reader.
public struct FeatureFinding: Hashable, Sendable {
  /// The feature.
  public let feature: MachineFeature
  /// What KVM's CPUID says.
  public let isPromised: Bool
  /// What the trial showed.
  public internal(set) var outcome: TrialOutcome
  /// What would make it work, or nil when it works.
  public internal(set) var remedy: String?
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
  public internal(set) var sample: MatrixSample?
  /// Rules that explain the differences in the sample.
  ///
  /// A sample shows what they are about, and not how far they reach; `kvmpt conform` does.
  public internal(set) var sampleRules: [Deviation] = []
  /// What was found by calibration, or nil when it failed.
  public internal(set) var profile: MachineProfile?
  /// Why the machine cannot be believed, or nil when it can.
  public internal(set) var problem: MachineError?
  /// Every feature; empty when calibration failed.
  public internal(set) var features: [FeatureFinding] = []
  /// Every means at CPL 0 and CPL 3; empty when calibration failed.
  public internal(set) var hostEdits: [HostEditFinding] = []
  /// The means that `verify` uses here.
  public let usedMeans: HostChangeMeans

  /// Tries everything on machines that `factory` makes, within `times`, or the times that are usual
  /// for such a machine.
  ///
  /// - Throws: ``MachineError`` when no guest can be made at all.
  public static func ofMachine(
    _ factory: any MachineFactory, within times: ExaminationTimes? = nil
  ) throws(MachineError) -> Examination {
    try ofMachine(factory, within: times) { hostProcessorHas(flag: $0) }
  }

  /// As ``ofMachine(_:within:)``, with advice for a host whose processor has the flags of
  /// `/proc/cpuinfo` that `hostHas` says.
  static func ofMachine(
    _ factory: any MachineFactory, within times: ExaminationTimes? = nil,
    hostHas: (_ flag: String) -> Bool
  ) throws(MachineError) -> Examination {
    var examination = Examination(factory)
    do throws(MachineError) {
      try examination.examine(
        factory, times ?? ExaminationTimes(for: factory.identity.walker), hostHas)
    } catch {
      if error.meansNoMachine { throw error }
      examination.problem = examination.problem ?? error
    }
    return examination
  }

  private init(_ factory: any MachineFactory) {
    identity = factory.identity
    vendorName = factory.vendorName
    physicalAddressWidth = factory.physicalAddressWidth
    usedMeans = factory.hostChangeMeans
  }

  /// The basics, a page below every root entry, each feature, the host's edits, and a sample of the
  /// matrix with what is believed by then.
  private mutating func examine(
    _ factory: any MachineFactory, _ times: ExaminationTimes, _ hostHas: (_ flag: String) -> Bool
  ) throws(MachineError) {
    let start = ContinuousClock.now
    let calibrator = Calibrator(factory: factory, deadline: start + times.calibration)
    var (profile, oneGiBPages) = try calibrator.basics(
      rootIndices: Set(0..<512), unexplained: .fail)
    for feature in MachineFeature.allCases {
      let outcome =
        feature == .oneGiBPages ? oneGiBPages : try calibrator.outcome(of: feature, profile)
      features.append(
        FeatureFinding(
          feature: feature, isPromised: factory.promises(feature), outcome: outcome, remedy: nil))
      // The trials that follow do without what is not there.
      if outcome != .works { profile.features.remove(feature) }
    }
    profile.features = believed
    self.profile = profile
    try editTables(factory, profile, deadline: start + times.calibration)
    let now = ContinuousClock.now
    let allowance = times.allowance(after: now - start)
    let run = try SampleRun(factory, profile, deadline: now + allowance * 3 / 5)
    let judgement = run.judgement(knowing: profile.deviations, deadline: now + allowance)
    sample = judgement.sample
    if let difference = judgement.problem { problem = problem ?? .calibrationFailed(difference) }
    for index in features.indices {
      if let reason = judgement.withdrawn[features[index].feature] {
        features[index].outcome = .differs(reason)
      }
      let finding = features[index]
      if finding.outcome != .works {
        features[index].remedy = Remedy.text(
          for: finding.feature, isPromised: finding.isPromised, walker: identity.walker,
          hostHas: hostHas)
      }
    }
    profile.features = believed
    self.profile = profile
    sampleRules = judgement.rules.filter { rule in
      !profile.deviations.contains { $0.id == rule.id }
    }
  }

  /// The features that work.
  private var believed: Set<MachineFeature> {
    Set(features.filter { $0.outcome == .works }.map(\.feature))
  }

  /// Tries every means of making the host's changes visible; the one that is used has to.
  private mutating func editTables(
    _ factory: any MachineFactory, _ profile: MachineProfile, deadline: ContinuousClock.Instant
  ) throws(MachineError) {
    let trial = HostEditTrial(factory: factory, profile: profile, deadline: deadline)
    for means in factory.possibleMeans {
      for privilege in PrivilegeLevel.allCases {
        hostEdits.append(try trial.finding(at: privilege, by: means))
      }
    }
    let stale = hostEdits.first { $0.means == factory.hostChangeMeans && !$0.isReliable }
    problem = stale.map {
      MachineError.calibrationFailed(
        "CPL \($0.privilege.rawValue) does not see what the host writes to tables, "
          + $0.means.message)
    }
  }
}

/// How long an examination may take, whatever it finds.
public struct ExaminationTimes: Hashable, Sendable {
  /// When calibration, the trials and the host's edits are given up; a machine that needs so long is
  /// an emulated one, or in trouble.
  public var calibration: Duration = .seconds(15)
  /// What everything together should take.
  public var whole: Duration = .milliseconds(2500)
  /// The least that a slow machine has for the sample, and the most.
  public var sample: ClosedRange<Duration> = .milliseconds(300)...(.seconds(8))

  /// The usual times of machines whose tables `walker` walks; QEMU's emulator is slower than KVM.
  public init(for walker: TableWalker = .unknown) {
    if walker == .tcg { whole = .seconds(8) }
  }

  /// The time for the sample and its rules after so much time: what is left of the whole, or on a
  /// slow machine half of what it has taken.
  func allowance(after elapsed: Duration) -> Duration {
    max(sample.lowerBound, max(whole - elapsed, min(elapsed / 2, sample.upperBound)))
  }
}
