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
    cr0 = 0x8004_0033 | (settings.isWriteProtectEnabled ? 1 << 16 : 0)
    // PAE, PGE, OSFXSR, OSXMMEXCPT.
    cr4 = 0x6a0
    if rootLevel == .pageMapLevel5 { cr4 |= 1 << 12 }
    if settings.isSMEPEnabled { cr4 |= 1 << 20 }
    if settings.isSMAPEnabled { cr4 |= 1 << 21 }
    if settings.isPKEEnabled { cr4 |= 1 << 22 }
    if settings.isPKSEnabled { cr4 |= 1 << 24 }
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
    isPKEEnabled ? (0..<16).first { pkru >> (2 * UInt32($0)) & 3 == 0 } : 0
  }

  /// True when IA32_PKRS denies something to supervisor pages with key 0, which those of the agent
  /// are.
  var deniesAgent: Bool { isPKSEnabled && pkrs & 3 != 0 }

  /// The mode in which code at `privilege` makes its accesses.
  func mode(at privilege: PrivilegeLevel) -> CPUMode {
    var mode = CPUMode(privilege: privilege)
    mode.isWriteProtectEnabled = isWriteProtectEnabled
    mode.isSMEPEnabled = isSMEPEnabled
    mode.isSMAPEnabled = isSMAPEnabled
    mode.isAlignmentCheckFlagSet = isAlignmentCheckFlagSet
    mode.isPKEEnabled = isPKEEnabled
    mode.pkru = pkru
    mode.isPKSEnabled = isPKSEnabled
    mode.pkrs = pkrs
    return mode
  }
}
