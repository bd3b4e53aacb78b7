// Interruption: Control-C asks once, and insists the second time.

import Glibc
import Synchronization

/// Whether somebody asked the program to stop.
enum Interruption {
  /// The signals received so far.
  private static let signalCount = Atomic<Int>(0)
  /// True while a write may wait for somebody who reads, so that nobody looks at the count.
  private static let isWaiting = Atomic<Bool>(false)
  /// How long an interrupted run waits for a reader of its report.
  private static let patience: Duration = .seconds(2)
  /// A pipe that is ready takes so much at once, and the write does not wait.
  ///
  /// Source: pipe(7), PIPE_BUF.
  private static let pipeByteCount = 4096

  /// True after the first SIGINT or SIGTERM.
  static var isRequested: Bool { signalCount.load(ordering: .relaxed) > 0 }

  /// Turns signals about writes into errors of the writes: a reader such as `head` that goes away
  /// early does not cost the verdict, and a file that may not grow is a report that cannot be
  /// written.
  static func ignoreFailedWrites() {
    _ = signal(SIGPIPE, SIG_IGN)
    _ = signal(SIGXFSZ, SIG_IGN)
  }

  /// From here on SIGINT and SIGTERM ask for an orderly end, and a second one ends at once; the
  /// first does so, too, while the program waits for somebody to read its report.
  ///
  /// Only work that looks at ``isRequested`` again and again may install this.
  static func install() {
    // The first use initializes the counters, which a signal handler must not do.
    _ = isRequested
    _ = isWaiting.load(ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      // The handler touches initialized atomics and calls _exit, both safe in a signal handler.
      _ = signal(number) { number in
        let before = Interruption.signalCount.wrappingAdd(1, ordering: .relaxed).oldValue
        if before > 0 { _exit(128 + number) }
        if Interruption.isWaiting.load(ordering: .relaxed) {
          _exit(ExitStatus.interrupted.rawValue)
        }
      }
    }
  }

  /// Writes all of `bytes` to a descriptor that may make the writer wait.
  ///
  /// - Throws: the `errno` of the write, and EINTR when nobody reads what an interrupted run found.
  static func write(_ bytes: [UInt8], to descriptor: Int32) throws(ErrorNumber) {
    var rest = bytes[...]
    while !rest.isEmpty && !isRequested {
      let part = rest.prefix(1 << 16)
      isWaiting.store(true, ordering: .relaxed)
      defer { isWaiting.store(false, ordering: .relaxed) }
      // A signal in between would be waited out: look again behind the flag.
      if isRequested { break }
      try writeAll(part, to: descriptor)
      rest = rest.dropFirst(part.count)
    }
    var lastProgress = ContinuousClock.now
    while !rest.isEmpty {
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      // SAFETY: `entry` is a variable of this call.
      if unsafe poll(&entry, 1, 100) == 0 {
        if ContinuousClock.now - lastProgress > patience { throw ErrorNumber(code: EINTR) }
        continue
      }
      let part = rest.prefix(pipeByteCount)
      try writeAll(part, to: descriptor)
      rest = rest.dropFirst(part.count)
      lastProgress = ContinuousClock.now
    }
  }

  /// Waits until `descriptor` has something to read, or its writers are gone.
  ///
  /// - Throws: EINTR when somebody asks the program to stop, ETIMEDOUT after `limit`.
  static func waitForInput(
    of descriptor: Int32, atMost limit: Duration? = nil
  ) throws(ErrorNumber) {
    let start = ContinuousClock.now
    while true {
      if isRequested { throw ErrorNumber(code: EINTR) }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      // SAFETY: `entry` is a variable of this call.
      if unsafe poll(&entry, 1, 100) > 0 { return }
      if let limit, ContinuousClock.now - start > limit { throw ErrorNumber(code: ETIMEDOUT) }
    }
  }
}
