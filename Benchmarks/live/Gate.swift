// Where threads wait for each other, and what they measure.

import Glibc
import Synchronization

/// Lets threads go on when all have come.
final class Gate: Sendable {
  private let count: Int
  private let arrived = Atomic<Int>(0)

  init(_ count: Int) { self.count = count }

  func meet() {
    let number = arrived.add(1, ordering: .acquiringAndReleasing).newValue
    let all = (number + count - 1) / count * count
    while arrived.load(ordering: .acquiring) < all { sched_yield() }
  }
}

/// The shortest time of each phase.
final class BestTimes: Sendable {
  private struct State {
    var times: [Phase: Duration] = [:]
    var parts: [Range<ContinuousClock.Instant>?]
  }

  private let state: Mutex<State>

  init(_ threads: Int) { state = Mutex(State(parts: .init(repeating: nil, count: threads))) }

  var times: [Phase: Duration] { state.withLock { $0.times } }

  /// When a thread worked in this phase.
  func note(_ thread: Int, _ part: Range<ContinuousClock.Instant>) {
    state.withLock { $0.parts[thread] = part }
  }

  /// All threads have ended the phase.
  func end(_ phase: Phase) {
    state.withLock { state in
      let parts = state.parts.compactMap { $0 }
      guard let start = parts.map(\.lowerBound).min(), let end = parts.map(\.upperBound).max()
      else { return }
      state.times[phase] = min(state.times[phase] ?? .seconds(999), end - start)
    }
  }
}
