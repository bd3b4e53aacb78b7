// LockedRange, rw: readers' locks on the way down, and a writer's lock of the covering table.

public import GuestMem

extension LockedRange {
  /// Locks the covering table for writing, and the tables above it for reading.
  ///
  /// Nobody passes a table that is locked for writing, so everything below the covering table is this
  /// thread's; and nobody unlinks a table that is locked for reading, so nothing led astray.
  @inlinable
  mutating func lockRW(_ patience: inout Patience) throws(LiveTableError) {
    while Self.descends(range, level: level) {
      try lockReader(covering, level: level, &patience)
      let entry = places.load(covering, Configuration.index(range.lowerBound, level))
      guard let child = places.child(of: entry, level: level) else {
        // Nothing below: this table covers the range. Its parent stays locked for reading.
        releaseReader(level)
        readLevels &= ~(1 &<< level)
        break
      }
      covering = child
      level &-= 1
    }
    guard
      try places.lock(covering, level: level, position: range.lowerBound, &patience) == .locked
    else { throw places.busy(.nobody, level: level, position: range.lowerBound) }
    isLocked = true
    try waitForReaders(&patience)
  }

  /// The word of this thread's pin in which its reader's lock at `level` stands.
  @inlinable
  func readerWord(_ level: UInt64) -> SharedWord? {
    pin.map { places.pins.word($0, Int(truncatingIfNeeded: level)) }
  }

  /// Takes the reader's lock of a table.
  @inlinable
  mutating func lockReader(
    _ node: TableFrame, level: UInt64, _ patience: inout Patience
  ) throws(LiveTableError) {
    guard let reader = readerWord(level), let word = places.stateWord(node) else { return }
    while true {
      // A locked operation: either a writer sees this reader, or this reader sees the writer.
      _ = Access.exchange(reader, node.frame &+ 1)
      let state = Access.load(word)
      guard NodeState(rawValue: state).isLocked else { break }
      Access.store(reader, 0)
      if let holder = NodeState(rawValue: state).holder, holder == Access.thread {
        throw places.busy(.thisThread(holder), level: level, position: range.lowerBound)
      }
      guard Access.wait(word, while: state, &patience) else {
        let holder = NodeState(rawValue: state).holder.map { LockHolder.otherThread($0) }
        throw places.busy(holder ?? .nobody, level: level, position: range.lowerBound)
      }
    }
    readLevels |= 1 &<< level
  }

  /// Gives up the reader's lock of the table at `level`.
  @inlinable
  func releaseReader(_ level: UInt64) {
    guard let reader = readerWord(level) else { return }
    Access.store(reader, 0)
  }

  /// Waits until no reader is in the covering table, which is locked for writing already.
  @inlinable
  func waitForReaders(_ patience: inout Patience) throws(LiveTableError) {
    let frame = covering.frame &+ 1
    for index in 0..<places.pins.capacity {
      let reader = places.pins.word(index, Int(truncatingIfNeeded: level))
      while Access.load(reader) == frame {
        guard Access.wait(reader, while: frame, &patience) else {
          throw places.busy(
            places.pins.holder(ofPin: index), level: level, position: range.lowerBound)
        }
      }
    }
  }
}
