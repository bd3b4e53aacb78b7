// TablePlaces, lock: one table's lock, which names the thread that holds it.

public import GuestMem

/// What came of waiting for the lock of a table.
@frozen @usableFromInline enum TableLockOutcome: Hashable {
  /// The caller holds it.
  case locked
  /// The table was unlinked: what led to it is out of date.
  case stray
}

extension TablePlaces {
  /// Waits for the lock of a table that was found at `level`.
  ///
  /// - Throws: `busy` of `PageTableError` when it is not free in time, and at once when the
  ///   calling thread holds it, because it would wait for itself.
  @inlinable
  func lock(
    _ table: TableFrame, level: UInt64, position: UInt64, _ patience: inout Patience
  ) throws(LiveTableError) -> TableLockOutcome {
    guard let word = stateWord(table) else { return .stray }
    var state = Access.load(word)
    while true {
      let node = NodeState(rawValue: state)
      guard !node.isStray, node.isNode(ofLevelNumber: level) else { return .stray }
      guard node.isLocked else {
        // Stray mark and lock are one word: a table that was unlinked in between is not locked.
        let locked = node.locked(by: Access.thread).rawValue
        if Access.compareExchange(word, &state, locked) {
          Configuration.didLock(frame: table.frame, level: levelNumbered(level))
          return .locked
        }
        continue
      }
      guard node.holder != Access.thread else {
        throw busy(.thisThread(Access.thread), level: level, position: position)
      }
      guard Access.wait(word, while: state, &patience) else {
        let holder = node.holder.map { LockHolder.otherThread($0) } ?? .nobody
        throw busy(holder, level: level, position: position)
      }
      state = Access.load(word)
    }
  }

  @inlinable
  func busy(_ holder: LockHolder, level: UInt64, position: UInt64) -> LiveTableError {
    .table(
      .busy(
        linearAddress: address(position), level: levelNumbered(level), holder: holder))
  }

  /// Releases the lock of a table that this thread holds, if it was not unlinked meanwhile.
  @inlinable
  func unlock(_ table: TableFrame) {
    guard let word = stateWord(table) else { return }
    let state = NodeState(rawValue: Access.load(word))
    // Unlinking unlocks; a frame that was unlinked is not used again while the caller is pinned.
    guard !state.isStray, state.isLocked, let level = state.level else { return }
    Configuration.willUnlock(frame: table.frame, level: level)
    // Nobody else changes the word of a locked table.
    Access.store(word, state.unlocked.rawValue)
  }

  /// Adds to the number of present entries of a table that this thread has locked, or that nobody
  /// else can pass to.
  @inlinable
  func addPresent(_ count: Int, to table: TableFrame) {
    guard count != 0, let word = stateWord(table) else { return }
    var state = NodeState(rawValue: Access.load(word))
    state.presentCount = max(0, min(512, state.presentCount &+ count))
    Access.store(word, state.rawValue)
  }

  /// Marks a table that nothing links any more, and unlocks it: whoever waits for it sees the mark.
  @inlinable
  func markStray(_ table: TableFrame) {
    guard let word = stateWord(table) else { return }
    var state = NodeState(rawValue: Access.load(word)).unlocked
    state.isStray = true
    Access.store(word, state.rawValue)
  }
}
