// NodeState, lock: the bit that says it is held, and the thread that holds it.

extension NodeState {
  /// The lock is held.
  @inlinable public var isLocked: Bool { rawValue & 1 != 0 }

  /// The thread that took the lock, or nil when nobody holds it.
  @inlinable public var holder: ThreadIdentifier? {
    let number = UInt32(truncatingIfNeeded: rawValue &>> 42)
    return number == 0 ? nil : ThreadIdentifier(rawValue: number)
  }

  /// True when the lock may be taken: nobody holds it and nobody waits for it.
  @inlinable @inline(__always)
  var isFree: Bool { rawValue & (1 | NodeState.firstWaiterBit) == 0 }

  /// The lock bit and the holder.
  @inlinable package static var lockBits: UInt64 { 1 | ~0 &<< 42 }

  /// The same, locked by a thread.
  @inlinable @inline(__always)
  package func locked(by thread: ThreadIdentifier) -> NodeState {
    NodeState(rawValue: rawValue | 1 | UInt64(thread.rawValue) &<< 42)
  }

  /// The same, unlocked.
  @inlinable @inline(__always)
  package var unlocked: NodeState { NodeState(rawValue: rawValue & ~NodeState.lockBits) }
}
