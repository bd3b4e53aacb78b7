// KickTimer: ends a run that takes too long.

internal import CLinux

/// A timer that interrupts the thread that made it.
///
/// It fires again each millisecond after the first time, so that a signal which arrives between
/// the check and the system call does not let the run go on for ever.
struct KickTimer: ~Copyable {
  private let identifier: clinux_timer

  /// Creates a timer for the calling thread, not yet armed.
  init() throws(KVMError) {
    var identifier: clinux_timer = 0
    // SAFETY: the kernel writes the identifier before the call returns.
    _ = try checked(unsafe clinux_timer_create(&identifier), .createTimer)
    self.identifier = identifier
  }

  /// Lets the timer fire for the first time after `limit`.
  func arm(limit: Duration) throws(KVMError) {
    _ = try checked(
      clinux_timer_set(identifier, Self.nanoseconds(until: limit), 1_000_000), .setTimer)
  }

  /// The nanoseconds of a limit; a year is for ever, and zero would disarm the timer.
  static func nanoseconds(until limit: Duration) -> UInt64 {
    let (seconds, attoseconds) = limit.components
    let nanoseconds = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return nanoseconds.overflow || seconds > 31_536_000
      ? 31_536_000_000_000_000
      : max(1, nanoseconds.partialValue + UInt64(clamping: attoseconds / 1_000_000_000))
  }

  /// Stops the timer.
  func disarm() { _ = clinux_timer_set(identifier, 0, 0) }

  deinit { _ = clinux_timer_delete(identifier) }
}
