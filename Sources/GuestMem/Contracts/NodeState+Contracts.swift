// NodeState, contracts: what must hold of the lock in the word of a node.

extension NodeState {
  /// What is wrong with the lock, or nil: a held lock has a holder and a free one has none, and
  /// nobody waits for a free lock or for a lock that has no order.
  @usableFromInline
  func lockProblem(_ lock: NodeLock) -> String? {
    switch (isLocked, holder) {
    case (true, nil): return "the lock is held by no thread"
    case (false, let thread?): return "the lock is free and thread \(thread.rawValue) holds it"
    default: break
    }
    let unused = rawValue & 0xfe00
    guard unused == 0, isQueueConsistent, lock == .fair || waiters | firstPlace == 0 else {
      return "the places of those who wait make no sense"
    }
    if !isLocked && waiterCount > 0 { return "the lock is free and \(waiterCount) threads wait" }
    return nil
  }
}
