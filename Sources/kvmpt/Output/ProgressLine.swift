// ProgressLine: one line on a terminal's standard error for work that takes a while.

import Glibc
import Synchronization

/// Shows how far work has come, from half a second after its start, at most ten times a second.
///
/// It may be used by several threads at once. Nothing is shown unless standard error is a terminal.
final class ProgressLine: Sendable {
  private struct State: Sendable {
    var lastShown: ContinuousClock.Instant?
    var isFinished = false
  }

  private let title: String
  private let isEnabled: Bool
  private let start: ContinuousClock.Instant
  private let state = Mutex(State())

  /// Starts the clock; `isEnabled` is for tests and for `--color never`-like wishes.
  init(title: String, isEnabled: Bool = isatty(STDERR_FILENO) == 1) {
    self.title = title
    self.isEnabled = isEnabled
    start = ContinuousClock.now
  }

  /// Says that `doneCount` of `totalCount` are done.
  func update(doneCount: Int, totalCount: Int) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    guard now - start >= .milliseconds(500) else { return }
    state.withLock { state in
      if state.isFinished { return }
      if let lastShown = state.lastShown, now - lastShown < .milliseconds(100) { return }
      state.lastShown = now
      writeToStandardError("\r\u{1b}[K" + Self.text(title, doneCount, totalCount))
    }
  }

  /// Removes the line, if it was ever shown.
  func finish() {
    state.withLock { state in
      if state.lastShown != nil && !state.isFinished { writeToStandardError("\r\u{1b}[K") }
      state.isFinished = true
    }
  }

  static func text(_ title: String, _ doneCount: Int, _ totalCount: Int) -> String {
    let percent = totalCount > 0 ? doneCount * 100 / totalCount : 0
    return "\(title): \(doneCount) of \(totalCount) (\(percent) %)"
  }
}

/// Writes diagnostics; there is nobody to tell when that fails.
func writeToStandardError(_ text: String) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    // SAFETY: the kernel reads at most the bytes of the slice.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe write(STDERR_FILENO, $0.baseAddress, $0.count)
    }
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { return }
    bytes = bytes.dropFirst(count)
  }
}
