// The parent's side: starts children, listens to them, and counts.

import Glibc

/// What came of the calls.
struct CallReport {
  private(set) var lines: [String] = []
  private(set) var isClean = true

  /// How long one call may take; on a busy machine too.
  static let patience: Int32 = 60_000

  /// Makes the calls 0 up to `callCount` in children.
  init(callCount: Int, seed: UInt64) {
    var next = 0
    var (trapCount, hangCount, falseCount, errorCount) = (0, 0, 0, 0)
    while next < callCount {
      let child = ChildProcess(seed: seed, next..<callCount)
      var current = next
      while let line = child.line(patience: Self.patience) {
        if line.hasPrefix("F ") {
          falseCount += 1
          lines.append("false agreement: \(line.dropFirst(2)), call \(current), seed \(seed)")
        } else if line.hasPrefix("E ") {
          errorCount += 1
        } else if let number = Int(line) {
          current = number
        }
      }
      let end = child.end()
      if case .finished = end {
        next = callCount
      } else {
        let names = CallOrder.call(current).names.joined(separator: ", ")
        switch end {
        case .finished: break
        case .hung:
          hangCount += 1
          lines.append("hang: call \(current), seed \(seed): \(names)")
        case .died(let how):
          trapCount += 1
          lines.append("\(how): call \(current), seed \(seed): \(names)")
        }
        next = current + 1
      }
    }
    isClean = trapCount == 0 && hangCount == 0 && falseCount == 0
    let names = Set(HostileCall.all.flatMap(\.names)).count
    lines.append(
      "\(callCount) hostile calls that go through \(names) public declarations, seed \(seed):"
        + " \(errorCount) typed errors, \(trapCount) traps, \(hangCount) hangs,"
        + " \(falseCount) false agreements")
  }
}

/// How a child ended.
enum ChildEnd {
  case finished
  case hung
  case died(String)
}

/// A child that makes calls.
final class ChildProcess {
  private var process: pid_t = 0
  private var input: CInt = -1
  private var buffer: [UInt8] = []
  private var isHung = false

  init(seed: UInt64, _ numbers: Range<Int>) {
    var ends: [CInt] = [0, 0]
    // SAFETY: the array has room for the two ends.
    guard unsafe pipe(&ends) == 0 else { return }
    input = ends[0]
    // SAFETY: the actions live from here to the end of this call.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addclose(&actions, ends[0])
    unsafe posix_spawn_file_actions_addclose(&actions, ends[1])
    let words = [
      "/proc/self/exe", "--child", "\(seed)", "\(numbers.lowerBound)", "\(numbers.upperBound)",
    ]
    // SAFETY: the copies are freed after the call; both lists end with null.
    var list = unsafe words.map { unsafe strdup($0) } + [nil]
    let variables = ["SWIFT_BACKTRACE=enable=no", "PATH=/usr/bin:/bin:/usr/local/bin"]
    var environment = unsafe variables.map { unsafe strdup($0) } + [nil]
    defer { unsafe (list + environment).forEach { unsafe free($0) } }
    if unsafe posix_spawn(&process, "/proc/self/exe", &actions, nil, &list, &environment) != 0 {
      process = 0
    }
    close(ends[1])
  }

  /// The next line, or nil at the end, or when none comes for so many milliseconds.
  func line(patience: Int32) -> Substring? {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeSubrange(...end)
        return Substring(line)
      }
      var poller = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
      // SAFETY: one structure of this call.
      let ready = unsafe poll(&poller, 1, patience)
      if ready == 0 {
        isHung = true
        kill(process, SIGKILL)
        return nil
      }
      var bytes = [UInt8](repeating: 0, count: 65_536)
      // SAFETY: the array has room for as many bytes.
      let count = unsafe read(input, &bytes, bytes.count)
      if count <= 0 { return nil }
      buffer += bytes[..<count]
    }
  }

  /// Waits for the child and says how it ended.
  func end() -> ChildEnd {
    close(input)
    guard process > 0 else { return .died("not started") }
    var status: Int32 = 0
    // SAFETY: the status is a variable of this call.
    while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
    if isHung { return .hung }
    if status & 0x7f != 0 { return .died("killed by signal \(status & 0x7f)") }
    let code = status >> 8 & 0xff
    return code == 0 ? .finished : .died("ended with \(code)")
  }
}
