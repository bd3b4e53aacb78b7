// AccessControls: the registers that decide what an access may do, besides the CPL.

/// The registers, and bits of registers, that decide which accesses a translation allows.
///
/// Every part of this package that needs them has this structure: files, options, the model, plans
/// and machines. ``AccessControl`` has a row for each.
///
/// IA32_EFER.NXE is not among them: it decides how tables are read, and belongs to
/// ``PagingConfiguration``.
///
/// Source: Intel SDM volume 3A, sections 5.1.3 and 5.6.
@frozen public struct AccessControls: Hashable, Sendable {
  /// CR0.WP: R/W = 0 stops supervisor-mode writes too.
  public var isWriteProtectEnabled = true
  /// CR4.SMEP: supervisor-mode code cannot be fetched from user-mode addresses.
  public var isSMEPEnabled = false
  /// CR4.SMAP: supervisor-mode data accesses to user-mode addresses need RFLAGS.AC.
  public var isSMAPEnabled = false
  /// RFLAGS.AC while supervisor-mode code runs: under SMAP, its explicit accesses to user-mode
  /// addresses are allowed.
  public var isAlignmentCheckFlagSet = false
  /// CR4.PKE: ``pkru`` limits data accesses to user-mode addresses.
  public var isPKEEnabled = false
  /// PKRU: bit `2 * key` is AD, bit `2 * key + 1` is WD of a protection key.
  public var pkru: UInt32 = 0
  /// CR4.PKS: ``pkrs`` limits data accesses to supervisor-mode addresses.
  public var isPKSEnabled = false
  /// IA32_PKRS, laid out as ``pkru``.
  public var pkrs: UInt32 = 0

  /// CR0.WP set, everything else 0.
  @inlinable public init() {}

  /// The value of one of them: 0 or 1 for a bit.
  ///
  /// To set a bit, any value but 0 does.
  public subscript(_ control: AccessControl) -> UInt32 {
    get {
      switch control {
      case .writeProtect: isWriteProtectEnabled ? 1 : 0
      case .smep: isSMEPEnabled ? 1 : 0
      case .smap: isSMAPEnabled ? 1 : 0
      case .alignmentCheckFlag: isAlignmentCheckFlagSet ? 1 : 0
      case .pke: isPKEEnabled ? 1 : 0
      case .pkru: pkru
      case .pks: isPKSEnabled ? 1 : 0
      case .pkrs: pkrs
      }
    }
    set {
      switch control {
      case .writeProtect: isWriteProtectEnabled = newValue != 0
      case .smep: isSMEPEnabled = newValue != 0
      case .smap: isSMAPEnabled = newValue != 0
      case .alignmentCheckFlag: isAlignmentCheckFlagSet = newValue != 0
      case .pke: isPKEEnabled = newValue != 0
      case .pkru: pkru = newValue
      case .pks: isPKSEnabled = newValue != 0
      case .pkrs: pkrs = newValue
      }
    }
  }
}
