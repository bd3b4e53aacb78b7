// VerificationEstimate: how many probes a machine is going to make, and how long they take.

/// How many probes a machine is going to make, and how long they take at the rate of this very run.
public struct VerificationEstimate: Hashable, Sendable {
  /// The name of the machine.
  public let machine: String
  /// The number of probes that are planned: no more are made, and fewer only where something cannot
  /// be executed or the run ends early.
  public let probeCount: Int
  /// How many were made when the rate was measured; 0 before.
  public let doneCount: Int
  /// What those took, from the end of the planning on.
  public let elapsed: Duration
  /// What the time limit leaves from then on.
  public let timeLeft: Duration

  /// What the other probes take at the rate of those that were made; nil before any was.
  public var remainingTime: Duration? {
    guard doneCount > 0 else { return nil }
    let (seconds, attoseconds) = elapsed.components
    let time = Double(seconds) + Double(attoseconds) * 1e-18
    // So long that nobody waits for it, and yet a duration.
    return .seconds(min(1e15, time * Double(max(0, probeCount - doneCount)) / Double(doneCount)))
  }

  /// True when the time limit comes before the end.
  public var exceedsTimeLimit: Bool { remainingTime.map { $0 > timeLeft } ?? false }
}
