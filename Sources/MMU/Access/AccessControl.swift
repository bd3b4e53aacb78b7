// AccessControl: one row for each register or bit in AccessControls.

/// A register, or a bit of one, that ``AccessControls`` has; its raw value is its key in files and,
/// after `--`, its option.
public enum AccessControl: String, CaseIterable, Hashable, Sendable {
  /// CR0.WP.
  case writeProtect = "wp"
  /// CR4.SMEP.
  case smep
  /// CR4.SMAP.
  case smap
  /// RFLAGS.AC.
  case alignmentCheckFlag = "ac"
  /// CR4.PKE.
  case pke
  /// PKRU.
  case pkru
  /// CR4.PKS.
  case pks
  /// IA32_PKRS.
  case pkrs

  /// Where the value of a control is.
  public enum Place: Hashable, Sendable {
    /// A bit of CR0.
    case cr0(bit: Int)
    /// A bit of CR4.
    case cr4(bit: Int)
    /// A bit of RFLAGS.
    case rflags(bit: Int)
    /// A register of 32 bits.
    case register
  }

  /// Source: Intel SDM volume 3A, section 2.5 (CR0 and CR4), 2.3 (RFLAGS), 5.6.2 (PKRU, IA32_PKRS).
  public var place: Place {
    switch self {
    case .writeProtect: .cr0(bit: 16)
    case .smep: .cr4(bit: 20)
    case .smap: .cr4(bit: 21)
    case .alignmentCheckFlag: .rflags(bit: 18)
    case .pke: .cr4(bit: 22)
    case .pks: .cr4(bit: 24)
    case .pkru, .pkrs: .register
    }
  }

  /// The bit without which this one changes nothing.
  public var enabler: AccessControl? {
    switch self {
    case .alignmentCheckFlag: .smap
    case .pkru: .pke
    case .pkrs: .pks
    case .writeProtect, .smep, .smap, .pke, .pks: nil
    }
  }

  /// The name in a list of what is set, such as `SMEP`.
  public var name: String { rawValue.uppercased() }

  /// The name with its register, such as `CR4.SMEP`.
  public var fullName: String {
    switch place {
    case .cr0: "CR0.\(name)"
    case .cr4: "CR4.\(name)"
    case .rflags: "RFLAGS.\(name)"
    case .register: self == .pkrs ? "IA32_PKRS" : name
    }
  }

  /// True for a bit, false for a register of 32 bits.
  public var isBit: Bool { place != .register }

  /// The bit in these registers, or nil where it is in none of them.
  public func value(cr0: UInt64, cr4: UInt64) -> UInt32? {
    switch place {
    case .cr0(let bit): UInt32(cr0 >> UInt64(bit) & 1)
    case .cr4(let bit): UInt32(cr4 >> UInt64(bit) & 1)
    case .rflags, .register: nil
    }
  }
}
