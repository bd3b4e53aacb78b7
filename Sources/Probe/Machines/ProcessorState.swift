// ProcessorState: the control registers that a probe runs with.

public import MMU

/// The registers that decide what a guest's accesses may do.
///
/// Source: Intel SDM volume 3A, section 2.5 (control registers), section 2.2.1 (IA32_EFER).
public struct ProcessorState: Hashable, Sendable {
  /// CR0.
  public var cr0: UInt64
  /// CR4.
  public var cr4: UInt64
  /// IA32_EFER.
  public var efer: UInt64
  /// PKRU; matters with CR4.PKE.
  public var pkru: UInt32
  /// IA32_PKRS; matters with CR4.PKS.
  public var pkrs: UInt32
  /// RFLAGS.AC while code runs at CPL 0.
  public var isAlignmentCheckFlagSet: Bool

  /// The state of a 64-bit guest with these settings, for tables of `rootLevel`.
  public init(_ settings: ProcessorSettings, rootLevel: Level) {
    // PE, MP, ET, NE, AM, PG.
    cr0 = 0x8004_0033
    // PAE, PGE, OSFXSR, OSXMMEXCPT.
    cr4 = 0x6a0
    if rootLevel == .pageMapLevel5 { cr4 |= 1 << 12 }
    for control in AccessControl.allCases where settings.controls[control] != 0 {
      switch control.place {
      case .cr0(let bit): cr0 |= 1 << UInt64(bit)
      case .cr4(let bit): cr4 |= 1 << UInt64(bit)
      // They have places of their own below.
      case .rflags, .register: break
      }
    }
    // SCE, LME, LMA.
    efer = 0x501 | (settings.isNoExecuteEnabled ? 1 << 11 : 0)
    pkru = settings.pkru
    pkrs = settings.pkrs
    isAlignmentCheckFlagSet = settings.isAlignmentCheckFlagSet
  }
}

extension ProcessorSettings {
  /// A protection key that denies nothing to user pages, or nil where PKRU restricts all sixteen.
  var unrestrictedUserKey: UInt64? {
    controls.isPKEEnabled ? (0..<16).first { controls.pkru >> (2 * UInt32($0)) & 3 == 0 } : 0
  }

  /// True when IA32_PKRS denies something to supervisor pages with key 0, which those of the agent
  /// are.
  var deniesAgent: Bool { controls.isPKSEnabled && controls.pkrs & 3 != 0 }

  /// The mode in which code at `privilege` makes its accesses.
  func mode(at privilege: PrivilegeLevel) -> CPUMode {
    CPUMode(privilege: privilege, controls: controls)
  }
}
