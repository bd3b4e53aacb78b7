// EpochDomain: when nobody can still be reading what was taken out of a table.

public import GuestMem

/// Epochs for threads that read tables without a lock.
///
/// A thread that is about to read pins the epoch of the moment, and unpins when it keeps nothing
/// that it found. What was unlinked in an epoch may be used for something else as soon as two more
/// epochs have begun: an epoch begins only when every pin is of the one before it, so that nobody
/// who could have found it is left. A pin is a cache line of its own for as long as it lasts.
///
/// Three mistakes that were made elsewhere cannot be made here. No thread counts how deeply it is
/// pinned, so that no count can wrap; two pins of one thread are two lines and end in any order;
/// and being pinned is a value that the compiler ends, not a mode of the thread that somebody
/// could leave.
///
/// Source: contracts of OSTD's RCU and its reports 3895, 3896 and 3920; K. Fraser, Practical
/// lock-freedom (2004), section 5.2.3, for three epochs.
public final class EpochDomain<Access: WordAccess>: Sendable {
  /// The number of pins that there can be at a time.
  public let capacity: Int
  /// The epoch in line 0, and a pin in each line from 1 on.
  @usableFromInline let lines: WordLines

  /// Makes a domain for up to `capacity` pins at a time, 1 to 4096.
  public init(capacity: Int = 128) {
    self.capacity = max(1, min(capacity, 4096))
    lines = WordLines(count: 1 + self.capacity)
  }

  @inlinable var pins: PinLines<Access> { PinLines(lines) }

  /// The number of epochs that have begun, modulo 2^41.
  @inlinable public var epoch: UInt64 { pins.epoch }

  /// Pins the epoch.
  ///
  /// - Throws: ``LiveTableError/pinsExhausted(capacity:)`` when as many pins as there can be last
  ///   longer than `patience`.
  /// - Complexity: one locked operation, on a line that only this thread uses unless there are more
  ///   threads than lines.
  @inlinable
  public func pin(
    _ patience: Patience = .standard
  ) throws(LiveTableError) -> EpochPin<Access> {
    EpochPin(domain: self, index: try pins.pin(patience))
  }

  /// Begins the next epoch if every pin is of this one; says whether it has begun.
  ///
  /// - Complexity: one load for each line.
  @discardableResult @inlinable
  public func advance() -> Bool {
    let pins = pins
    var epoch = Access.load(pins.first)
    for pin in 0..<capacity {
      guard let pinned = PinWord(Access.load(pins.word(pin))) else { continue }
      guard pinned.epoch == epoch & PinLines<Access>.epochMask else { return false }
    }
    return Access.compareExchange(pins.first, &epoch, epoch &+ 1)
  }

  /// True when nobody can be reading what was unlinked before `epoch` was read.
  @inlinable
  public func isOver(_ epoch: UInt64) -> Bool {
    // The difference modulo 2^41, which no program lives to see wrap between two looks.
    (self.epoch &- epoch) & PinLines<Access>.epochMask >= 2
  }

  /// The threads whose pins keep the next epoch from beginning, for a diagnosis.
  ///
  /// - Complexity: one load for each line.
  public func laggards() -> [PinnedThread] {
    let epoch = self.epoch
    var found: [PinnedThread] = []
    for pin in 0..<capacity {
      guard let pinned = PinWord(Access.load(pins.word(pin))), pinned.epoch != epoch else {
        continue
      }
      found.append(PinnedThread(thread: pinned.thread, epoch: pinned.epoch))
    }
    return found
  }
}

/// A thread that has been pinned since before the epoch of the moment.
public struct PinnedThread: Hashable, Sendable {
  /// The thread that pinned; it may have handed the pin to another one.
  public let thread: ThreadIdentifier
  /// The epoch that it pinned.
  public let epoch: UInt64
}

/// The word of a pin: bit 0 set, bits 41:1 the epoch, bits 63:42 the thread.
@frozen @usableFromInline struct PinWord {
  @usableFromInline let rawValue: UInt64

  @inlinable
  init(_ epoch: UInt64, _ thread: ThreadIdentifier) {
    rawValue = 1 | epoch << 1 | UInt64(thread.rawValue) << 42
  }

  /// Nil for the word of a line that nobody uses.
  @inlinable
  init?(_ word: UInt64) {
    guard word != 0 else { return nil }
    rawValue = word
  }

  @inlinable var epoch: UInt64 { rawValue >> 1 & (1 << 41 - 1) }

  @inlinable var thread: ThreadIdentifier {
    ThreadIdentifier(rawValue: UInt32(truncatingIfNeeded: rawValue >> 42))
  }
}
