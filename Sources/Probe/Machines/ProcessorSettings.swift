// ProcessorSettings: the registers and flags that decide what an access may do.

/// The processor state that an address space is meant to be used with.
public struct ProcessorSettings: Hashable, Sendable {
  /// CR0.WP: supervisor code may not write read-only pages.
  public var isWriteProtectEnabled = true
  /// IA32_EFER.NXE: pages can be not executable.
  public var isNoExecuteEnabled = true
  /// CR4.SMEP: supervisor code may not execute user pages.
  public var isSMEPEnabled = false
  /// CR4.SMAP: supervisor code may not touch user pages unless RFLAGS.AC is set.
  public var isSMAPEnabled = false
  /// RFLAGS.AC while supervisor code runs; matters with SMAP only.
  public var isAlignmentCheckFlagSet = false
  /// CR4.PKE: protection keys for user pages, with the rights in PKRU.
  public var isPKEEnabled = false
  /// PKRU: bit 2k denies access, bit 2k+1 denies writes, to user pages with key k.
  public var pkru: UInt32 = 0
  /// CR4.PKS: protection keys for supervisor pages, with the rights in IA32_PKRS.
  public var isPKSEnabled = false
  /// IA32_PKRS: laid out as ``pkru``.
  public var pkrs: UInt32 = 0

  /// The settings of a plain 64-bit kernel: WP and NXE on, everything else off.
  public init() {}
}
