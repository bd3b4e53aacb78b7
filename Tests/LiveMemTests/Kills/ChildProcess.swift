// ChildProcess: a process that changes tables in shared memory and is killed at some moment.

import CLinux
import Glibc
import TestSupport

/// The program `KilledTables`, which stands beside the tests.
struct ChildProcess {
  private let process: pid_t

  private static let program: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    // SAFETY: the buffer is larger than the count given, so that a 0 always ends it.
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(
      decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/KilledTables"
  }()

  /// Starts the program with a memory file; nil when it cannot be started.
  init?(memoryFile: CInt, seed: UInt64) {
    // SAFETY: the actions are initialized here, used by the one call below, and destroyed after it.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    // The copy is not closed on exec, unless it is the same descriptor.
    guard memoryFile != KilledTablesLayout.descriptor else { return nil }
    unsafe posix_spawn_file_actions_adddup2(&actions, memoryFile, KilledTablesLayout.descriptor)
    let words = [Self.program, "\(seed)"]
    // SAFETY: the copies are freed after the call; the lists end with null.
    var list = unsafe words.map { unsafe strdup($0) } + [nil]
    var environment = unsafe [strdup("SWIFT_BACKTRACE=enable=no"), nil]
    defer { unsafe (list + environment).forEach { unsafe free($0) } }
    var process: pid_t = 0
    guard unsafe posix_spawn(&process, Self.program, &actions, nil, &list, &environment) == 0 else {
      return nil
    }
    self.process = process
  }

  /// True while it runs.
  var isRunning: Bool { clinux_peek_end(Int64(process)) == 0 }

  /// Kills it wherever it is, and says how it ended: 0 by being killed, otherwise its own exit code.
  func kill() -> Int32 {
    Glibc.kill(process, SIGKILL)
    var status: Int32 = 0
    // SAFETY: the status is a variable of this call.
    while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
    if status & 0x7f == SIGKILL { return 0 }
    return status & 0x7f != 0 ? 1000 + status & 0x7f : status >> 8 & 0xff
  }
}
