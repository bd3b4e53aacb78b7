// MachineProfile: what a machine was found to do, by trying it.

public import MMU

/// Something that a reader of a report must know about the machine.
public struct MachineRemark: Hashable, Sendable {
  /// The stable name, the same in every output format.
  public var id: String
  /// What it is, in one lower-case line.
  public var message: String

  /// Takes the parts as they are.
  public init(_ id: String, _ message: String) {
    self.id = id
    self.message = message
  }
}

/// What a machine can do, found by trying.
public struct MachineProfile: Hashable, Sendable {
  /// Who executes.
  public var identity: MachineIdentity
  /// Whose manual the machine follows where the manuals differ.
  public var vendor: ProcessorVendor
  /// MAXPHYADDR.
  public var physicalAddressWidth: UInt8
  /// What the machine has; what is missing is not probed.
  public var features: Set<MachineFeature>
  /// Physical addresses where it has neither RAM nor the devices of an address space.
  public var memoryHoles: [Range<UInt64>]
  /// How it differs from the manual.
  public var deviations: [Deviation]
  /// What does not fit what is known of such machines, such as a rule that no baseline has.
  public var remarks: [MachineRemark] = []

  /// Takes the parts as they are.
  public init(
    identity: MachineIdentity, vendor: ProcessorVendor, physicalAddressWidth: UInt8,
    features: Set<MachineFeature>, memoryHoles: [Range<UInt64>] = [], deviations: [Deviation]
  ) {
    self.identity = identity
    self.vendor = vendor
    self.physicalAddressWidth = physicalAddressWidth
    self.features = features
    self.memoryHoles = memoryHoles
    self.deviations = deviations
  }

  /// Why tables of `rootLevel` cannot be used with `settings`, or nil when they can.
  func obstacle(rootLevel: Level, settings: ProcessorSettings) -> NotRunReason? {
    if rootLevel == .pageMapLevel5 && !features.contains(.fiveLevelPaging) {
      return .no5LevelPaging
    }
    let missing = settings.neededFeatures.subtracting(features)
    return MachineFeature.obstacles.first(where: missing.contains)?.reasonWithout
  }
}

extension MachineFeature {
  /// The features without which settings cannot be had; of several the first is named.
  fileprivate static let obstacles: [MachineFeature] = [
    .protectionKeys, .supervisorProtectionKeys, .smep, .smap, .noExecute,
  ]

  /// Why a machine without it does not run what needs it; nil for CR0.WP, which every one has.
  var reasonWithout: NotRunReason? {
    switch self {
    case .fiveLevelPaging: .no5LevelPaging
    case .oneGiBPages: .no1GiBPages
    case .noExecute: .noNoExecute
    case .smep: .noSMEP
    case .smap: .noSMAP
    case .protectionKeys: .noProtectionKeys
    case .supervisorProtectionKeys: .noSupervisorProtectionKeys
    case .writeProtect: nil
    }
  }
}
