// ProcessorSettings: the control registers that an address space is used with.

public import MMU

/// Control registers and flags that decide what accesses are allowed to do.
@dynamicMemberLookup
public struct ProcessorSettings: Hashable, Sendable {
  /// IA32_EFER.NXE: pages can be not executable.
  public var isNoExecuteEnabled = true
  /// The registers that decide about accesses, whose values are members of the settings, too.
  public var controls = AccessControls()

  /// The settings of a plain 64-bit kernel: WP and NXE on, everything else off.
  public init() {}

  /// A register of ``controls``.
  public subscript<Value>(dynamicMember control: WritableKeyPath<AccessControls, Value>) -> Value {
    get { controls[keyPath: control] }
    set { controls[keyPath: control] = newValue }
  }

  /// What a machine needs to have for these settings to be possible.
  var neededFeatures: Set<MachineFeature> {
    var features: Set<MachineFeature> = isNoExecuteEnabled ? [.noExecute] : []
    for control in AccessControl.allCases where controls[control] != 0 {
      if let feature = MachineFeature(enabledBy: control) { features.insert(feature) }
    }
    return features
  }
}

extension MachineFeature {
  /// What a machine needs to have for `control` to be set; nil for what every one has, and for what
  /// another control enables.
  init?(enabledBy control: AccessControl) {
    switch control {
    case .smep: self = .smep
    case .smap: self = .smap
    case .pke: self = .protectionKeys
    case .pks: self = .supervisorProtectionKeys
    case .writeProtect, .alignmentCheckFlag, .pkru, .pkrs: return nil
    }
  }
}
