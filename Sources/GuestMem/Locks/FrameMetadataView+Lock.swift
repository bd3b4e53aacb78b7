// FrameMetadataView, lock: taking the lock of a node, at once or after waiting in no order.

public import CAtomics

/// What came of asking for a lock.
@frozen @usableFromInline enum LockAttempt: Hashable {
  /// The caller holds it; the place is where it waited in order for it, if it did.
  case taken(place: UInt64?)
  /// It is still somebody else's.
  case refused(LockHolder)
  /// The frame is no node, or was unlinked.
  case stray
}

extension FrameMetadataView {
  /// Replaces the state of a frame if it is still `expected`; says whether it was.
  @inlinable @inline(__always)
  func replace(_ expected: NodeState, by state: NodeState, of frame: UInt64) -> Bool {
    guard let address = unsafe nodeAddress(frame) else { return false }
    var found = expected.rawValue
    // SAFETY: the address is inside the metadata.
    return unsafe catomic_compare_exchange(address, &found, state.rawValue)
  }

  /// Takes the lock of a node, found in `state`, if it is free and nobody waits for it; says
  /// whether it was.
  @inlinable @inline(__always)
  func take(_ frame: UInt64, in state: NodeState) -> Bool {
    state.isFree && replace(state, by: state.locked(by: .current), of: frame)
  }

  /// Releases the lock by one locked operation, as others may change the word meanwhile.
  @inlinable
  func releaseShared(_ frame: UInt64) {
    guard let address = unsafe nodeAddress(frame) else { return }
    // SAFETY: the address is inside the metadata.
    _ = unsafe catomic_fetch_and(address, ~NodeState.lockBits)
  }

  /// Takes the lock of a node, and waits for it as long as the time is not over.
  @usableFromInline
  func waitForLock(_ frame: UInt64, _ lock: NodeLock, nanoseconds: UInt64) -> LockAttempt {
    switch lock {
    case .spin: waitUnordered(frame, nanoseconds: nanoseconds)
    case .fair: waitInOrder(frame, nanoseconds: nanoseconds)
    }
  }

  private func waitUnordered(_ frame: UInt64, nanoseconds: UInt64) -> LockAttempt {
    var wait: LockWait?
    while true {
      let state = nodeState(of: frame)
      if let attempt = takeOrRefuse(frame, in: state, nanoseconds: nanoseconds) { return attempt }
      if wait == nil { wait = LockWait(nanoseconds: nanoseconds) }
      if wait?.pass() == .over { return .refused(LockHolder(nodeState(of: frame))) }
    }
  }

  /// What can be said without waiting: the lock was taken, or waiting makes no sense.
  func takeOrRefuse(
    _ frame: UInt64, in state: NodeState, nanoseconds: UInt64
  ) -> LockAttempt? {
    guard !state.isStray, state.level != nil else { return .stray }
    if take(frame, in: state) { return .taken(place: nil) }
    let holder = LockHolder(state)
    // Nobody else would ever release it.
    if case .thisThread = holder { return .refused(holder) }
    return nanoseconds == 0 ? .refused(holder) : nil
  }
}
