// MachineError: why an experiment could not be made.

internal import CLinux
public import GuestMem
public import KVM

/// Why a machine could not be had, or stopped working.
public enum MachineError: Error, Hashable, Sendable {
  /// KVM failed.
  case kvm(KVMError)
  /// QEMU failed.
  case qemu(QEMUError)
  /// The guest's memory could not be had.
  case memory(GuestMemoryError)
  /// Guest memory of `byteCount` bytes, of which KVM would keep books that this host has no room for;
  /// it has for `limit` bytes.
  case tooMuchMemory(byteCount: UInt64, limit: UInt64)
  /// The machine did not do what every machine does; what it was is said in words.
  case calibrationFailed(String)
  /// Time ran out before it was known what the machine does.
  case calibrationUnfinished
  /// A batch has more records than the agent's memory, fewer than none, or a window that is not the
  /// start of a root entry's range.
  case invalidBatch(recordCount: Int, windowAddress: UInt64)
  /// No processor has a MAXPHYADDR as the profile says.
  case invalidProfile(physicalAddressWidth: UInt8)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .kvm(let error): error.id
    case .qemu(let error): error.id
    case .memory(let error): error.id
    case .tooMuchMemory: "too-much-memory"
    case .calibrationFailed: "calibration-failed"
    case .calibrationUnfinished: "calibration-unfinished"
    case .invalidBatch: "invalid-batch"
    case .invalidProfile: "invalid-profile"
    }
  }

  /// What happened.
  public var message: String {
    switch self {
    case .kvm(let error): error.message
    case .qemu(let error): error.message
    case .memory(let error): error.message
    case .tooMuchMemory(let byteCount, let limit):
      "\(ByteCount(byteCount)) of guest memory are more than KVM of this host is given,"
        + " \(ByteCount(limit))"
    case .calibrationFailed(let what):
      "the machine differs from the manual in a way that no rule explains: \(what)"
    case .calibrationUnfinished:
      "the time limit came before it was known what the machine does"
    case .invalidBatch(let recordCount, let windowAddress):
      "no agent can run a batch of \(recordCount) records in a window at"
        + " \(HexadecimalNumber(windowAddress))"
    case .invalidProfile(let width):
      "the machine's profile says that physical addresses have \(width) bits"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .kvm(let error): error.hint
    case .qemu(let error): error.hint
    case .memory(let error): error.hint
    case .tooMuchMemory:
      "dump less memory, or prove it with --machine qemu, which leaves out what is above 1 TiB"
    case .calibrationFailed:
      "no verdict from this machine can be believed; please report it with the output of"
        + " kvmpt doctor --format json"
    case .calibrationUnfinished: "give it more time, or run it on a machine that is less busy"
    case .invalidBatch:
      "give it 0 to \(AgentRecords.capacity) records and the canonical start of a root entry's range"
    case .invalidProfile: "give it a profile of 32 to 52 bits, as calibration makes it"
    }
  }

  /// True when it says something about the machine, and not about this process or the host's
  /// resources.
  var isAboutTheMachine: Bool {
    switch self {
    case .kvm(.call(_, let errorNumber)):
      ![EAGAIN, EMFILE, ENFILE, ENOMEM].contains(errorNumber)
    case .kvm(.missingCapability): true
    case .qemu(.ended), .qemu(.monitorDoesNotAnswer): true
    case .kvm, .qemu, .memory, .tooMuchMemory, .calibrationFailed, .calibrationUnfinished,
      .invalidBatch, .invalidProfile:
      false
    }
  }

  /// True when there is no machine that this process may use, rather than a failure of one or of
  /// this process: one that lacks file descriptors or memory says nothing about KVM.
  public var meansNoMachine: Bool {
    if case .qemu(let error) = self { return error.meansNoQEMU }
    if case .tooMuchMemory = self { return true }
    guard case .kvm(let error) = self else { return false }
    switch error {
    case .noDevice, .noDriver, .pathWithNUL, .notADevice, .permissionDenied, .notKVM,
      .wrongAPIVersion:
      return true
    case .call(.createVirtualMachine, let errorNumber):
      return ![EAGAIN, EMFILE, ENFILE, ENOMEM].contains(errorNumber)
    case .call, .missingCapability: return false
    }
  }
}
