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
  private let noted = Mutex<[Phase: Duration]>([:])

  var times: [Phase: Duration] { noted.withLock { $0 } }

  func note(_ phase: Phase, _ time: Duration) {
    noted.withLock { $0[phase] = min($0[phase] ?? time, time) }
  }
}
