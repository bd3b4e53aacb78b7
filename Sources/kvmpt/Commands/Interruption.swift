// Interruption: Control-C asks once, and insists the second time.

import Glibc
import Synchronization

/// Whether somebody asked the program to stop.
enum Interruption {
  /// The signals received so far.
  private static let signalCount = Atomic<Int>(0)

  /// True after the first SIGINT or SIGTERM.
  static var isRequested: Bool { signalCount.load(ordering: .relaxed) > 0 }

  /// Turns signals about writes into errors of the writes: a reader such as `head` that goes away
  /// early does not cost the verdict, and a file that may not grow is a report that cannot be
  /// written.
  static func ignoreFailedWrites() {
    _ = signal(SIGPIPE, SIG_IGN)
    _ = signal(SIGXFSZ, SIG_IGN)
  }

  /// From here on SIGINT and SIGTERM ask for an orderly end, and a second one ends at once.
  ///
  /// Only work that looks at ``isRequested`` again and again may install this.
  static func install() {
    // The first use initializes the counter, which a signal handler must not do.
    _ = isRequested
    for number in [SIGINT, SIGTERM] {
      // The handler touches an initialized atomic and calls _exit, both safe in a signal handler.
      _ = signal(number) { number in
        let before = Interruption.signalCount.wrappingAdd(1, ordering: .relaxed).oldValue
        if before > 0 { _exit(128 + number) }
      }
    }
  }
}
