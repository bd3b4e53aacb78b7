// LiveSourceError: why a running machine's memory cannot be read.

/// The reason why a machine that runs cannot be asked.
public enum LiveSourceError: Error, Hashable, Sendable {
  /// Nothing answers at the address, with this `errno`.
  case unreachable(address: String, errorNumber: Int32)
  /// The address is no path of a socket and no HOST:PORT.
  case invalidAddress(String)
  /// Something took the connection and says nothing, or not what is expected, within the time limit.
  case silent(address: String, expected: String)
  /// What answers speaks another protocol, or the connection broke off.
  case broken(address: String, reason: String)
  /// A command was refused.
  case refused(command: String, reason: String)
  /// The stub does not offer physical memory.
  case noPhysicalMemory(address: String)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .unreachable: "unreachable"
    case .invalidAddress: "invalid-address"
    case .silent: "silent-source"
    case .broken: "broken-source"
    case .refused: "refused-by-source"
    case .noPhysicalMemory: "no-physical-memory"
    }
  }

  /// What is wrong, in lower case and without a full stop.
  public var message: String {
    switch self {
    case .unreachable(let address, let errorNumber):
      "nothing can be reached at '\(address)' (errno \(errorNumber))"
    case .invalidAddress(let address): "'\(address)' is neither a socket's path nor HOST:PORT"
    case .silent(let address, let expected):
      "'\(address)' took the connection and did not send \(expected) in time"
    case .broken(let address, let reason): "the connection to '\(address)' failed: \(reason)"
    case .refused(let command, let reason): "'\(command)' was refused: \(reason)"
    case .noPhysicalMemory(let address):
      "the debugger's stub at '\(address)' reads linear addresses only"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .unreachable:
      "start QEMU with -qmp unix:PATH,server=on,wait=off, or with -gdb tcp::PORT for gdb:"
    case .invalidAddress: "write qemu:/run/vm.qmp, qemu:localhost:4444 or gdb:localhost:1234"
    case .silent:
      "a QMP socket serves one client at a time: end the other one, or give QEMU a second -qmp"
    case .broken: "see whether the machine still runs"
    case .refused: "see whether this QEMU is 5.0 or newer, and built for x86-64"
    case .noPhysicalMemory:
      "QEMU's stub offers them (Qqemu.PhyMemMode, since 4.1); from others take a dump of the memory"
    }
  }
}
