// Exit: why a guest stopped.

public import MMU

/// Why KVM_RUN came back.
///
/// Source: KVM API document, section 5, `exit_reason`.
public enum Exit: Hashable, Sendable {
  /// KVM_EXIT_IO: the guest wrote `value` to a port.
  case portWrite(port: UInt16, byteCount: UInt8, value: UInt64)
  /// KVM_EXIT_IO: the guest reads a port.
  case portRead(port: UInt16, byteCount: UInt8)
  /// KVM_EXIT_MMIO: the guest wrote to an address with no memory behind.
  case mmioWrite(address: GuestPhysicalAddress, byteCount: UInt8, value: UInt64)
  /// KVM_EXIT_MMIO: the guest reads an address with no memory behind;
  /// ``VirtualCPU/answerMMIORead(_:)`` gives it a value.
  case mmioRead(address: GuestPhysicalAddress, byteCount: UInt8)
  /// KVM_EXIT_HLT.
  case halted
  /// KVM_EXIT_SHUTDOWN: a triple fault.
  case shutdown
  /// KVM_EXIT_FAIL_ENTRY: the processor refused the guest's state.
  case entryFailed(hardwareReason: UInt64)
  /// KVM_EXIT_INTERNAL_ERROR; 1 is an instruction that KVM's emulator lacks.
  case internalError(suberror: UInt32)
  /// KVM_EXIT_DEBUG: a single step was made (KVM_SET_GUEST_DEBUG).
  case debug
  /// The run was ended by the time limit of ``VirtualCPU/run(limit:)``.
  case timeLimitReached
  /// Another thread ended the run by ``VirtualCPUKick/kick()``.
  case kicked
  /// Any other reason, by its number.
  case other(reason: UInt32)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .portWrite: "port-write"
    case .portRead: "port-read"
    case .mmioWrite: "mmio-write"
    case .mmioRead: "mmio-read"
    case .halted: "halted"
    case .shutdown: "shutdown"
    case .entryFailed: "entry-failed"
    case .internalError: "internal-error"
    case .debug: "debug"
    case .timeLimitReached: "time-limit-reached"
    case .kicked: "kicked"
    case .other: "other-exit"
    }
  }
}
