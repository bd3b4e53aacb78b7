// ConformanceModes: the processor modes that the cases of a matrix are run in.

import MMU

/// A set of processor modes.
enum ConformanceModes: Sendable {
  /// NXE and WP, and with keys what PKRU says of keys 1 and 2.
  case access
  /// NXE, WP, SMEP, and SMAP with AC both ways.
  case standard
  /// WP and SMAP, with rights for every key in PKRU and IA32_PKRS.
  case keys

  /// The modes that a machine with `features` has, in their order.
  func settings(for features: Set<MachineFeature>) -> [ProcessorSettings] {
    switch self {
    case .access: Self.access(hasKeys: features.contains(.protectionKeys))
    case .standard: Self.standard(features)
    case .keys: Self.keys(features)
    }
  }

  private static func access(hasKeys: Bool) -> [ProcessorSettings] {
    (0..<4).flatMap { mode in
      var settings = ProcessorSettings()
      settings.isNoExecuteEnabled = mode & 1 != 0
      settings.isWriteProtectEnabled = mode & 2 != 0
      guard hasKeys else { return [settings] }
      // Without CR4.PKE, then key 1 with each of its rights, and key 2 with none.
      return [settings]
        + (0..<4 as Range<UInt32>).map { rights in
          var keyed = settings
          keyed.isPKEEnabled = true
          keyed.pkru = rights << 2 | 0b11 << 4
          return keyed
        }
    }
  }

  private static func standard(_ features: Set<MachineFeature>) -> [ProcessorSettings] {
    var all: [ProcessorSettings] = []
    for mode in 0..<4 {
      for isSMEPEnabled in features.contains(.smep) ? [false, true] : [false] {
        for smap in features.contains(.smap) ? 0..<3 : 0..<1 {
          var settings = ProcessorSettings()
          settings.isNoExecuteEnabled = mode & 1 != 0
          settings.isWriteProtectEnabled = mode & 2 != 0
          settings.isSMEPEnabled = isSMEPEnabled
          settings.isSMAPEnabled = smap > 0
          settings.isAlignmentCheckFlagSet = smap > 1
          all.append(settings)
        }
      }
    }
    return all
  }

  /// Four register values go through all rights of each key; key 0 of IA32_PKRS allows everything,
  /// because the agent's own pages have it.
  private static func keys(_ features: Set<MachineFeature>) -> [ProcessorSettings] {
    func register(_ turn: UInt32, sparing spared: UInt32?) -> UInt32 {
      (0..<16 as Range<UInt32>).reduce(0) { value, key in
        key == spared ? value : value | ((key + turn) & 3) << (2 * key)
      }
    }
    var all: [ProcessorSettings] = []
    for isWriteProtectEnabled in [false, true] {
      for smap in features.contains(.smap) ? 0..<3 : 0..<1 {
        for turn: UInt32 in 0..<4 {
          for which in 1...3 {
            var settings = ProcessorSettings()
            settings.isWriteProtectEnabled = isWriteProtectEnabled
            settings.isSMAPEnabled = smap > 0
            settings.isAlignmentCheckFlagSet = smap > 1
            settings.isPKEEnabled = which & 1 != 0
            settings.isPKSEnabled = which & 2 != 0
            if settings.isPKEEnabled {
              guard features.contains(.protectionKeys) else { continue }
              settings.pkru = register(turn, sparing: nil)
            }
            if settings.isPKSEnabled {
              guard features.contains(.supervisorProtectionKeys) else { continue }
              settings.pkrs = register(turn, sparing: 0)
            }
            all.append(settings)
          }
        }
      }
    }
    return all
  }
}
