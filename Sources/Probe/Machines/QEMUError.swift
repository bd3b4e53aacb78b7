// QEMUError: why a QEMU machine could not be had, or ended.

internal import CLinux
import KVM

/// What went wrong with a QEMU process.
public enum QEMUError: Error, Hashable, Sendable {
  /// No file of that name is on PATH.
  case notFound(name: String)
  /// The path that was given cannot be executed.
  case notExecutable(path: String)
  /// The process could not be started.
  case cannotStart(path: String, errorNumber: Int32)
  /// The process ended by itself; `reason` is its last line on standard error, if it wrote any.
  case ended(path: String, how: String, reason: String)
  /// It runs, and its guest does not come up.
  case guestDoesNotStart(path: String)
  /// Its monitor does not answer.
  case monitorDoesNotAnswer(path: String)
  /// No x86-64 processor has so many physical-address bits.
  case unsupportedPhysicalAddressWidth(UInt8)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .notFound: "no-qemu"
    case .notExecutable: "qemu-not-executable"
    case .cannotStart: "qemu-cannot-start"
    case .ended: "qemu-ended"
    case .guestDoesNotStart: "qemu-guest-does-not-start"
    case .monitorDoesNotAnswer: "qemu-monitor-does-not-answer"
    case .unsupportedPhysicalAddressWidth: "unsupported-physical-address-width"
    }
  }

  /// What happened, in one lower-case sentence without a full stop.
  public var message: String {
    switch self {
    case .notFound(let name): "there is no \(name) on PATH"
    case .notExecutable(let path): "\(path) is not a program that can be run"
    case .cannotStart(let path, let errorNumber):
      "\(path) cannot be started: \(SystemErrorName(errorNumber))"
    case .ended(let path, let how, let reason):
      "\(path) \(how)" + (reason.isEmpty ? "" : ": \(reason)")
    case .guestDoesNotStart(let path): "\(path) runs, and its guest does not reach 64-bit mode"
    case .monitorDoesNotAnswer(let path): "the monitor of \(path) does not answer"
    case .unsupportedPhysicalAddressWidth(let width):
      "no x86-64 processor has \(width) physical-address bits"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .notFound:
      "install it (Debian and Ubuntu: sudo apt-get install qemu-system-x86; Fedora: sudo dnf install"
        + " qemu-system-x86-core), or pass --qemu PATH"
    case .notExecutable, .cannotStart: "pass the path of qemu-system-x86_64"
    case .ended: "QEMU 5.2 or later with the machine 'pc' is needed; try the program with --version"
    case .guestDoesNotStart, .monitorDoesNotAnswer:
      "is it qemu-system-x86_64, 5.2 or later? Try the program with --version"
    case .unsupportedPhysicalAddressWidth: "give a width from 32 to 52"
    }
  }
}

extension QEMUError {
  /// True when there is no QEMU that this process may run, rather than a failure of one.
  var meansNoQEMU: Bool {
    switch self {
    case .notFound, .notExecutable: true
    case .cannotStart(_, let errorNumber):
      ![EMFILE, ENFILE, ENOMEM, EAGAIN].contains(errorNumber)
    case .ended, .guestDoesNotStart, .monitorDoesNotAnswer, .unsupportedPhysicalAddressWidth: false
    }
  }
}
