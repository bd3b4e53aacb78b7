// Patience: how long a thread waits, and what it does meanwhile.

internal import CLinux

/// A wait that ends.
///
/// It pauses at first, because most waits are over in no time; then it yields the processor,
/// because the thread that is waited for may need it; then it sleeps, so that many threads on few
/// processors leave these to those that can go on.
public struct Patience: Sendable {
  /// The number of pauses before the first yield.
  static let pauseCount: UInt32 = 64
  /// The number of yields before the first sleep.
  static let yieldCount: UInt32 = 32
  /// The longest sleep, in nanoseconds.
  static let longestSleep: UInt64 = 200_000

  private let nanoseconds: UInt64
  private var passes: UInt32 = 0
  /// When the wait is over, or 0 before its first look at the clock.
  private var end: UInt64 = 0

  /// Waits for `nanoseconds` from the first yield on.
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// One second, as for the locks of one thread's tables.
  public static var standard: Patience { Patience(nanoseconds: 1_000_000_000) }

  /// Passes a moment, and says whether there is time for another one.
  public mutating func pass() -> Bool {
    passes &+= passes == .max ? 0 : 1
    guard passes > Self.pauseCount else {
      // A pause is short enough to go without a look at the clock.
      clinux_pause()
      return true
    }
    let now = clinux_monotonic_nanoseconds()
    if end == 0 {
      let (sum, overflow) = now.addingReportingOverflow(nanoseconds)
      end = overflow ? .max : sum
    }
    guard now < end else { return false }
    let yields = passes &- Self.pauseCount
    if yields <= Self.yieldCount {
      clinux_yield()
    } else {
      let sleep = min(UInt64(yields &- Self.yieldCount) &* 10_000, Self.longestSleep)
      clinux_sleep(min(sleep, end &- now))
    }
    return true
  }
}
