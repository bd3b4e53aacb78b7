// LockWait: how a thread passes the time until a lock is free, and when it has had enough.

internal import CLinux

/// A wait that ends: pauses at first, because most locks are free again in no time, then yields of
/// the processor, because the holder may need it, until a moment of the monotonic clock.
struct LockWait {
  /// The number of pauses before the processor is yielded for the first time.
  static let pauseCount = 64

  private var pausesLeft = LockWait.pauseCount
  private let end: UInt64

  /// Begins to wait for `nanoseconds`.
  init(nanoseconds: UInt64) {
    let (sum, overflow) = clinux_monotonic_nanoseconds().addingReportingOverflow(nanoseconds)
    end = overflow ? .max : sum
  }

  /// Passes a moment, and says whether there is time for another one.
  mutating func pass() -> LockPatience {
    if pausesLeft > 0 {
      // A pause is short enough to go without a look at the clock.
      pausesLeft -= 1
      clinux_pause()
      return .left
    }
    clinux_yield()
    return clinux_monotonic_nanoseconds() < end ? .left : .over
  }
}

/// Whether a thread goes on waiting.
enum LockPatience {
  /// There is time left.
  case left
  /// The time is over.
  case over
}
