// ProgressCounter: how far all workers together have come, and how long the rest takes.

import Synchronization

/// Counts finished probes, from any thread.
public final class ProgressCounter: Sendable {
  private let done = Atomic<Int>(0)
  private let hasRate = Atomic<Bool>(false)
  private let total: Int
  private let observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)?
  /// Hears how long it takes; nil where nobody asks.
  private let estimator: Estimator?

  /// Who hears how long the probes take.
  struct Estimator: Sendable {
    /// The machine that makes them.
    let machine: String
    /// When no more are made.
    let deadline: ContinuousClock.Instant
    let observer: @Sendable (VerificationEstimate) -> Void
    let start = ContinuousClock.now
  }

  /// Says at once how many probes there are.
  init(
    totalCount: Int, observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)? = nil,
    estimator: Estimator? = nil
  ) {
    total = totalCount
    self.observer = observer
    self.estimator = estimator
    if let estimator { estimate(estimator, doneCount: 0) }
  }

  func advance(by count: Int) {
    let doneCount = done.wrappingAdd(count, ordering: .relaxed).newValue
    observer?(doneCount, total)
  }

  /// A worker has finished a round of pages: the first such round tells the rate, where there are more.
  func noteRound() {
    guard let estimator else { return }
    let doneCount = done.load(ordering: .relaxed)
    guard doneCount > 0, doneCount < total,
      !hasRate.exchange(true, ordering: .relaxed)
    else { return }
    estimate(estimator, doneCount: doneCount)
  }

  private func estimate(_ estimator: Estimator, doneCount: Int) {
    let now = ContinuousClock.now
    estimator.observer(
      VerificationEstimate(
        machine: estimator.machine, probeCount: total, doneCount: doneCount,
        elapsed: now - estimator.start, timeLeft: max(.zero, estimator.deadline - now)))
  }
}
