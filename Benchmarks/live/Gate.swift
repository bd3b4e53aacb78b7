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

/// What a phase took.
struct PhaseTime {
  /// From the moment when the first thread begins to that when the last one has ended.
  var wall: Duration
  /// The processor time of all threads.
  var processor: Duration
}

/// The shortest times of each phase.
final class BestTimes: Sendable {
  private struct State {
    var times: [Phase: PhaseTime] = [:]
    var parts: [(range: Range<ContinuousClock.Instant>, processor: Duration)?]
  }

  private let state: Mutex<State>

  init(_ threads: Int) { state = Mutex(State(parts: .init(repeating: nil, count: threads))) }

  var times: [Phase: PhaseTime] { state.withLock { $0.times } }

  /// When a thread worked in this phase, and how long it had a processor.
  func note(_ thread: Int, _ part: Range<ContinuousClock.Instant>, processor: Duration) {
    state.withLock { $0.parts[thread] = (part, processor) }
  }

  /// All threads have ended the phase.
  func end(_ phase: Phase) {
    state.withLock { state in
      let parts = state.parts.compactMap { $0 }
      guard let start = parts.map(\.range.lowerBound).min(),
        let end = parts.map(\.range.upperBound).max()
      else { return }
      let processor = parts.map(\.processor).reduce(.zero, +)
      var best = state.times[phase] ?? PhaseTime(wall: end - start, processor: processor)
      best.wall = min(best.wall, end - start)
      best.processor = min(best.processor, processor)
      state.times[phase] = best
    }
  }
}

/// The processor time that the calling thread has used.
func threadTime() -> Duration {
  var time = timespec()
  // SAFETY: the time is a variable of this call.
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
