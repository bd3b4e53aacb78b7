// CPUMode: the processor's state that decides about an access, besides the tables.

/// The modes of the processor that decide which accesses a translation allows.
///
/// IA32_EFER.NXE decides how the tables are read and so belongs to ``PagingConfiguration``.
///
/// Source: Intel SDM volume 3A, sections 5.1.3 and 5.6.
@frozen public struct CPUMode: Hashable, Sendable {
  /// The privilege of the running code.
  public var privilege: PrivilegeLevel
  /// CR0.WP: R/W = 0 stops supervisor-mode writes too.
  public var isWriteProtectEnabled = true
  /// CR4.SMEP: supervisor-mode code cannot be fetched from user-mode addresses.
  public var isSMEPEnabled = false
  /// CR4.SMAP: supervisor-mode data accesses to user-mode addresses need EFLAGS.AC.
  public var isSMAPEnabled = false
  /// EFLAGS.AC: explicit supervisor-mode accesses to user-mode addresses are allowed under SMAP.
  public var isAlignmentCheckFlagSet = false
  /// CR4.PKE: ``pkru`` limits data accesses to user-mode addresses.
  public var isPKEEnabled = false
  /// PKRU: bit `2 * key` is AD, bit `2 * key + 1` is WD of a protection key.
  public var pkru: UInt32 = 0
  /// CR4.PKS: ``pkrs`` limits data accesses to supervisor-mode addresses.
  public var isPKSEnabled = false
  /// IA32_PKRS, laid out as ``pkru``.
  public var pkrs: UInt32 = 0

  /// CR0.WP set, everything else off.
  @inlinable public init(privilege: PrivilegeLevel) { self.privilege = privilege }
}
