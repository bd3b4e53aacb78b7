// CalibrationTrial: a feature, tried by turning it on.

import GuestMem
import MMU

/// An experiment whose outcome shows whether a machine has a feature.
struct CalibrationTrial {
  private let space: AddressSpace

  /// Nil for features that the basics show.
  init?(_ feature: MachineFeature) {
    var processor = ProcessorSettings()
    var rootLevel = Level.pageMapLevel4
    switch feature {
    case .oneGiBPages: return nil
    // The basics have these two on; whether they matter shows when they are off.
    case .noExecute: processor.isNoExecuteEnabled = false
    case .writeProtect: processor.isWriteProtectEnabled = false
    case .fiveLevelPaging: rootLevel = .pageMapLevel5
    case .smep: processor.isSMEPEnabled = true
    case .smap: processor.isSMAPEnabled = true
    case .protectionKeys:
      processor.isPKEEnabled = true
      // Key 1: no access. Key 2: no writes.
      processor.pkru = 0b10_01_00
    case .supervisorProtectionKeys:
      processor.isPKSEnabled = true
      processor.pkrs = 0b10_01_00
    }
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    let base: UInt64 = rootLevel == .pageMapLevel5 ? 1 << 48 : 1 << 39
    let mappings = (0..<3).map { key in
      Mapping(
        name: "key \(key)",
        linearAddress: LinearAddress(truncating: base + UInt64(key) * 0x2000, width: width),
        byteCount: 4096,
        properties: PageProperties(
          rights: feature == .writeProtect ? [.read, .execute] : [.read, .write, .execute],
          isUser: feature != .supervisorProtectionKeys, protectionKey: UInt8(key)))
    }
    space = AddressSpace(
      rootLevel: rootLevel, memoryByteCount: 2 << 20, processor: processor, mappings: mappings)
  }

  /// Keys of supervisor pages are tried at CPL 0: whether PK is reported of an access from CPL 3,
  /// which U/S stops anyway, is a question for rules and not of the feature.
  func scratch(width: UInt8) -> ScratchSpace {
    ScratchSpace(
      trying: space, manners: space.processor.isPKSEnabled ? .supervisor : .all, width: width)
  }
}
