// PinLines: the words of an epoch domain, without a reference to count.

public import GuestMem

/// The epoch and the pins of a domain, which keeps them.
///
/// A plain value, because every operation on a shared table pins: a count of references, which all
/// threads would write, costs more than the rest of a small operation.
@frozen @usableFromInline struct PinLines<Access: WordAccess>: Sendable {
  /// The epoch in line 0, and a pin in each line from 1 on.
  @usableFromInline let first: SharedWord
  /// The number of pins.
  @usableFromInline let capacity: Int

  /// The words of `lines`, which must stay as long as this value is used.
  @inlinable
  init(_ lines: WordLines) {
    first = lines.word(0)
    capacity = lines.count - 1
  }

  @inlinable static var epochMask: UInt64 { 1 << 41 - 1 }

  @inlinable var epoch: UInt64 { Access.load(first) & Self.epochMask }

  /// The words of a pin: 0 what ``PinWord`` says, 1 to 5 the frames of a reader's locks by level.
  @inlinable @inline(__always)
  func word(_ pin: Int, _ index: Int = 0) -> SharedWord {
    let line = pin >= 0 && pin < capacity ? pin &+ 1 : 0
    // SAFETY: the line is one of the domain's.
    return unsafe SharedWord(
      first.pointer + (line &* WordLines.byteCount &+ (index & 7) &* 8))
  }

  /// Pins the epoch, and answers by which line.
  @inlinable
  func pin(_ patience: Patience) throws(LiveTableError) -> Int {
    let thread = Access.thread
    let start = Int(thread.rawValue) % capacity
    if take(start, thread) { return start }
    return try pinElsewhere(start, thread, patience)
  }

  /// Looks for another line, because another pin has the thread's own.
  @inlinable @inline(never)
  func pinElsewhere(
    _ start: Int, _ thread: ThreadIdentifier, _ patience: Patience
  ) throws(LiveTableError) -> Int {
    var patience = patience
    while true {
      var index = start
      for _ in 0..<capacity {
        if take(index, thread) { return index }
        index = index + 1 < capacity ? index + 1 : 0
      }
      let word = word(start)
      guard Access.wait(word, while: Access.load(word), &patience) else {
        throw .pinsExhausted(capacity: capacity)
      }
    }
  }

  /// Pins by a line if it is free; says whether it was.
  @inlinable @inline(__always)
  func take(_ pin: Int, _ thread: ThreadIdentifier) -> Bool {
    let word = word(pin)
    guard Access.load(word) == 0 else { return false }
    var expected: UInt64 = 0
    // A locked operation: what is read from here on is not older than the pin.
    return Access.compareExchange(word, &expected, PinWord(epoch, thread).rawValue)
  }

  /// Makes a pin one of the epoch of the moment: what was found before is no longer kept.
  @inlinable
  func refresh(_ pin: Int) {
    // A locked operation, as for `take`.
    _ = Access.exchange(word(pin), PinWord(epoch, Access.thread).rawValue)
  }

  /// Ends a pin.
  @inlinable @inline(__always)
  func unpin(_ pin: Int) {
    // Everything that was read was read before: a release store keeps it so.
    Access.store(word(pin), 0)
  }

  /// Who made a pin, as an error tells it.
  @inlinable
  func holder(ofPin pin: Int) -> LockHolder {
    guard let pinned = PinWord(Access.load(word(pin))) else { return .nobody }
    return pinned.thread == Access.thread
      ? .thisThread(pinned.thread) : .otherThread(pinned.thread)
  }
}
