// EstimateText: how long the probes take, in words.

import Probe

/// An estimate in words.
struct EstimateText {
  private let estimate: VerificationEstimate
  private let timeout: Duration
  private let extent: ProbeExtent

  /// `timeout` is the time limit that was given.
  init(_ estimate: VerificationEstimate, timeout: Duration, _ extent: ProbeExtent) {
    self.estimate = estimate
    self.timeout = timeout
    self.extent = extent
  }

  /// The time limit that would do; nil where none is long enough, or none is needed.
  ///
  /// A quarter of what is left is added: no rate is steady.
  var neededTimeout: TimeLimit? {
    guard let remaining = estimate.remainingTime else { return nil }
    let seconds = (timeout - estimate.timeLeft + remaining * 1.25).begunSeconds
    return TimeLimit(argument: seconds < 120 ? "\(seconds)s" : "\((seconds + 59) / 60)m")
  }

  /// That the time limit ends the run before its end, and what to do about it; nil where it does not.
  var warning: String? {
    guard estimate.exceedsTimeLimit, let remaining = estimate.remainingTime else { return nil }
    let cure =
      neededTimeout.map { "pass --timeout \($0.argumentText)" }
      ?? "no --timeout is as long: "
      + (extent == .exhaustive ? "leave out --exhaustive" : "prove the tables in parts")
    return "warning: \(grouped(estimate.probeCount)) probes take about"
      + " \((estimate.elapsed + remaining).roughWords) on \(PlainText.oneLine(estimate.machine)), at"
      + " the rate of the first \(grouped(estimate.doneCount)), and the time limit leaves"
      + " \((estimate.timeLeft + estimate.elapsed).roughWords) for them\n  hint: \(cure)"
  }
}
