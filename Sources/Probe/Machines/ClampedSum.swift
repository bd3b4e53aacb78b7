// Sums of counts and times that come from callers and files.

extension Int {
  /// The sum, or where there is none the number nearest to it: counts come from callers and files,
  /// and so large a count is no reason to end the process.
  func clampedSum(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}

extension Duration {
  /// The longest time that has whole seconds in 64 bits, as `components` needs it.
  private static let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)

  private var clamped: Duration { min(max(self, .zero - Self.longest), Self.longest) }

  /// The sum, or where it is too long the longest time.
  func clampedSum(_ other: Duration) -> Duration { (clamped + other.clamped).clamped }
}
