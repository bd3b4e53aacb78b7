// ProgressCounter: how far all workers together have come.

import Synchronization

/// Counts finished probes, from any thread.
public final class ProgressCounter: Sendable {
  private let done = Atomic<Int>(0)
  private let total: Int
  private let observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)?

  init(
    totalCount: Int, observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)? = nil
  ) {
    total = totalCount
    self.observer = observer
  }

  func advance(by count: Int) {
    let doneCount = done.wrappingAdd(count, ordering: .relaxed).newValue
    observer?(doneCount, total)
  }
}
