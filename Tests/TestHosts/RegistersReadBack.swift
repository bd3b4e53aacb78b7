// Registers read back: the settings and features that a machine's control registers say, for doubles of
// machines. Written with the numbers of the manual, and not with the table that wrote the registers.

internal import MMU
public import Probe

extension ProcessorSettings {
  /// The settings that give these registers.
  public init(_ state: ProcessorState) {
    self.init()
    self.isWriteProtectEnabled = state.cr0 >> 16 & 1 != 0
    self.isNoExecuteEnabled = state.efer >> 11 & 1 != 0
    self.isSMEPEnabled = state.cr4 >> 20 & 1 != 0
    self.isSMAPEnabled = state.cr4 >> 21 & 1 != 0
    self.isPKEEnabled = state.cr4 >> 22 & 1 != 0
    self.isPKSEnabled = state.cr4 >> 24 & 1 != 0
    self.pkru = state.pkru
    self.pkrs = state.pkrs
    self.isAlignmentCheckFlagSet = state.isAlignmentCheckFlagSet
  }
}

extension MachineFeature {
  /// True when the control registers have it on.
  public func isOn(in state: ProcessorState) -> Bool {
    switch self {
    case .smep: state.cr4 >> 20 & 1 != 0
    case .smap: state.cr4 >> 21 & 1 != 0
    case .protectionKeys: state.cr4 >> 22 & 1 != 0
    case .supervisorProtectionKeys: state.cr4 >> 24 & 1 != 0
    case .fiveLevelPaging: state.cr4 >> 12 & 1 != 0
    case .oneGiBPages, .noExecute, .writeProtect: false
    }
  }
}
