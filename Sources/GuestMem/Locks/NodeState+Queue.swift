// NodeState, queue: the threads that wait for a fair lock, in the same word as the lock.

extension NodeState {
  // A thread that comes gets the place behind the last one, a number modulo 16, and the lock when
  // its place is the first and the lock is free. A thread that has had enough clears the bit of its
  // place; when that was the first place, the next one whose thread still waits is the first from
  // then on. So the first and the last place always belong to threads that wait, nobody ever waits
  // for a thread that left, and each step is one exchange of the word.

  /// The number of threads that can wait in order.
  @inlinable static var queueCapacity: UInt64 { 16 }

  /// The bit of the first place, which is set while anybody waits.
  @inlinable static var firstWaiterBit: UInt64 { 1 &<< 26 }

  /// One bit for each place from the first one on: a thread waits there.
  @inlinable var waiters: UInt64 { (rawValue &>> 26) & 0xffff }

  /// The number of the first place.
  @inlinable var firstPlace: UInt64 { (rawValue &>> 5) & 15 }

  /// The number of places from the first to the last, those given up between them included.
  @inlinable var queueLength: UInt64 {
    UInt64(truncatingIfNeeded: 64 &- waiters.leadingZeroBitCount)
  }

  /// The number of threads that wait in order.
  @inlinable public var waiterCount: Int { waiters.nonzeroBitCount }

  /// True when the places make sense: if anybody waits, somebody waits at the first place.
  @inlinable var isQueueConsistent: Bool { waiters == 0 || waiters & 1 != 0 }

  /// True while a thread waits at the place.
  func isWaiting(at place: UInt64) -> Bool {
    waiters & (1 &<< ((place &- firstPlace) & 15)) != 0
  }

  /// The same with one more thread behind all others, and its place; nil when there is none left.
  func joined() -> (state: NodeState, place: UInt64)? {
    let length = queueLength
    guard length < NodeState.queueCapacity else { return nil }
    return (
      NodeState(rawValue: rawValue | NodeState.firstWaiterBit &<< length),
      (firstPlace &+ length) & 15
    )
  }

  /// The same with the lock given to the thread at `place`; nil unless it is free and that place
  /// the first.
  func admitted(at place: UInt64, thread: ThreadIdentifier) -> NodeState? {
    guard !isLocked, firstPlace == place, isWaiting(at: place) else { return nil }
    return left(place).locked(by: thread)
  }

  /// The same without the thread at `place`.
  func left(_ place: UInt64) -> NodeState {
    let rest = waiters & ~(1 &<< ((place &- firstPlace) & 15))
    // Places of threads that left are passed over as soon as they come first.
    let passed = rest == 0 ? queueLength : UInt64(truncatingIfNeeded: rest.trailingZeroBitCount)
    let others = rawValue & ~(15 &<< 5 | 0xffff &<< 26)
    return NodeState(
      rawValue: others | ((firstPlace &+ passed) & 15) &<< 5 | (rest &>> passed) &<< 26)
  }
}
