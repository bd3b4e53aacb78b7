// TableMemory, lock: the locks of nodes as the configuration wants them, with its hooks.

public import MMU

extension TableMemory {
  /// Takes the lock of a node and answers its level; waits for it while there is time.
  ///
  /// - Throws: ``EntryError/busy(nodeAddress:holder:)``, at once when the caller holds it itself,
  ///   and ``EntryError/stray(nodeAddress:)``.
  @inlinable
  func lock(
    _ table: TableFrame, nanoseconds: UInt64 = NodeLock.defaultNanoseconds
  ) throws(EntryError) -> Level {
    let state = metadata.nodeState(of: table.frame)
    guard !state.isStray, let level = state.level else {
      throw .stray(nodeAddress: table.address)
    }
    if !metadata.take(table.frame, in: state) {
      switch metadata.waitForLock(
        table.frame, Configuration.nodeLock, nanoseconds: nanoseconds)
      {
      case .taken: break
      case .refused(let holder): throw .busy(nodeAddress: table.address, holder: holder)
      case .stray: throw .stray(nodeAddress: table.address)
      }
    }
    Configuration.didLock(frame: table.frame, level: level)
    return level
  }

  /// Releases the lock of a node, unless it was released when the node was unlinked.
  @inlinable
  func unlock(_ table: TableFrame) {
    let state = metadata.nodeState(of: table.frame)
    guard state.isLocked else { return }
    Configuration.willUnlock(frame: table.frame, level: state.level ?? .pageTable)
    switch Configuration.nodeLock {
    case .spin: metadata.setNodeState(state.unlocked, of: table.frame)
    case .fair: metadata.releaseShared(table.frame)
    }
  }

  /// Locks a new node, which nobody can reach yet.
  @inlinable
  func lockUnlinked(_ table: TableFrame, level: UInt64, presentCount: Int) {
    let state = NodeState(levelNumber: level, presentCount: presentCount)
    metadata.setNodeState(state.locked(by: .current), of: table.frame)
    Configuration.didLock(frame: table.frame, level: levelNumbered(level))
  }

  /// Changes the state of a node whose lock the caller holds, or that is the caller's alone.
  @inlinable @inline(__always)
  func changeState(of table: TableFrame, _ change: (inout NodeState) -> Void) {
    var state = metadata.nodeState(of: table.frame)
    switch Configuration.nodeLock {
    case .spin:
      change(&state)
      metadata.setNodeState(state, of: table.frame)
    case .fair:
      // Threads that come to wait or give up change the word at any moment.
      var found = state
      change(&state)
      while table.frame < metadata.frameCount,
        !metadata.replace(found, by: state, of: table.frame)
      {
        found = metadata.nodeState(of: table.frame)
        state = found
        change(&state)
      }
    }
  }

  /// The error for a node whose lock is held.
  @inlinable @inline(never)
  func busy(_ table: TableFrame, level: UInt64, position: UInt64) -> PageTableError {
    .busy(
      linearAddress: address(position), level: levelNumbered(level),
      holder: LockHolder(metadata.nodeState(of: table.frame)))
  }

  /// The same for an operation on an entry.
  @inlinable @inline(never)
  func busy(_ table: TableFrame) -> EntryError {
    .busy(
      nodeAddress: table.address, holder: LockHolder(metadata.nodeState(of: table.frame)))
  }
}
