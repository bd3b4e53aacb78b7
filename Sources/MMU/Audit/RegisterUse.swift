// RegisterUse: memory that a register points at, and how the processor uses it.

/// A register that points at memory.
public enum PointingRegister: String, CaseIterable, Hashable, Sendable {
  /// The instruction pointer.
  case rip = "RIP"
  /// The stack pointer.
  case rsp = "RSP"
  /// The global descriptor table.
  case gdtr = "GDTR"
  /// The interrupt descriptor table.
  case idtr = "IDTR"
  /// The task-state segment.
  case tr = "TR"
}

/// Memory that the processor uses because a register points at it.
public struct RegisterUse: Hashable, Sendable {
  /// The register.
  public let register: PointingRegister
  /// The first linear address.
  public let linearAddress: UInt64
  /// The number of bytes.
  public let byteCount: UInt64
  /// What the processor does there.
  public let access: AccessKind
  /// At which privilege; descriptor tables and the task-state segment are read at CPL 0.
  public let privilege: PrivilegeLevel

  /// The next instruction.
  public static func instructions(at address: UInt64, _ privilege: PrivilegeLevel) -> RegisterUse {
    RegisterUse(
      register: .rip, linearAddress: address, byteCount: 1, access: .fetch, privilege: privilege)
  }

  /// The 8 bytes below the stack pointer, which the next push writes.
  public static func stack(below address: UInt64, _ privilege: PrivilegeLevel) -> RegisterUse {
    RegisterUse(
      register: .rsp, linearAddress: address &- 8, byteCount: 8, access: .write,
      privilege: privilege)
  }

  /// The bytes from `base` to `base + limit`, which the processor reads on its own behalf.
  ///
  /// Source: Intel SDM volume 3A, section 5.6 (implicit supervisor-mode accesses).
  public static func descriptors(
    _ register: PointingRegister, base: UInt64, limit: UInt32
  ) -> RegisterUse {
    RegisterUse(
      register: register, linearAddress: base, byteCount: UInt64(limit) + 1, access: .read,
      privilege: .supervisor)
  }
}

/// A register that points at memory which is mapped wrongly.
public struct RegisterProblem: Hashable, Sendable {
  /// How it is mapped wrongly.
  public enum Cause: String, CaseIterable, Hashable, Sendable {
    /// The address is not canonical.
    case notCanonical = "not-canonical"
    /// Nothing is mapped there.
    case notMapped = "not-mapped"
    /// The processor may not use it as it has to.
    case notAllowed = "not-allowed"
    /// CPL 3 can write to what the processor relies on.
    case writableByUser = "writable-by-user"
  }

  /// The register.
  public let register: PointingRegister
  /// What the processor does there.
  public let access: AccessKind
  /// How the memory is mapped wrongly.
  public let cause: Cause

  var order: Int {
    let registers = PointingRegister.allCases.firstIndex(of: register) ?? 0
    return 1 + registers * 4 + (Cause.allCases.firstIndex(of: cause) ?? 0)
  }
}
