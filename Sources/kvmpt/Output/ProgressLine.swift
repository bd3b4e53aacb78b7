// ProgressLine: one line on a terminal's standard error for work that takes a while.

import Glibc
import Synchronization

/// Shows how far work has come, from half a second after its start or from an estimate on, at most ten
/// times a second.
///
/// It may be used by several threads at once. Nothing is shown unless standard error is a terminal.
final class ProgressLine: Sendable {
  private struct State: Sendable {
    var lastShown: ContinuousClock.Instant?
    var isFinished = false
    /// When the first of them was begun, and whether there is a rate since then.
    var begin: ContinuousClock.Instant?
    var hasRate = false

    /// What one took so far, once that tells the rate.
    func timeForEach(_ doneCount: Int, _ now: ContinuousClock.Instant) -> Duration? {
      guard hasRate, doneCount > 0, let begin else { return nil }
      return (now - begin) / doneCount
    }
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
      show(doneCount, totalCount, now, &state)
    }
  }

  /// Shows at once how many there are, none of them done, or that those which are done by now tell the
  /// rate; from then on it shows how long the rest takes.
  func note(doneCount: Int, totalCount: Int) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      if state.isFinished { return }
      if doneCount == 0 { state.begin = now }
      state.hasRate = doneCount > 0
      show(doneCount, totalCount, now, &state)
    }
  }

  private func show(
    _ doneCount: Int, _ totalCount: Int, _ now: ContinuousClock.Instant, _ state: inout State
  ) {
    state.lastShown = now
    let left = Self.left(max(0, totalCount - doneCount), state.timeForEach(doneCount, now))
    writeToStandardError("\r\u{1b}[K" + Self.text(title, doneCount, totalCount) + left)
  }

  /// Writes lines of their own, in place of the line, which comes back.
  func say(_ text: String) {
    state.withLock { state in
      let isShown = state.lastShown != nil && !state.isFinished
      writeToStandardError((isShown ? "\r\u{1b}[K" : "") + text + "\n")
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

  /// How long the rest takes; nothing where that is not known.
  static func left(_ count: Int, _ timeForEach: Duration?) -> String {
    guard let timeForEach else { return "" }
    let (seconds, attoseconds) = timeForEach.components
    let time = (Double(seconds) + Double(attoseconds) * 1e-18) * Double(count)
    return ", about \(Duration.seconds(min(1e15, time)).roughWords) left"
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
