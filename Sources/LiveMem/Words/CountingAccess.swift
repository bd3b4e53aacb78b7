// CountingAccess: the steps as instructions, with the cache lines that they touch.

public import GuestMem
internal import Synchronization

/// Shared words by instructions, with a note of each cache line: for measuring, not for speed.
///
/// What keeps threads from running side by side is lines that several of them write, or that one writes and
/// others read. They can be counted on any machine, whereas the time that they take is seen on a large one
/// only. A kind of table with this ``SharedPageTableConfiguration/Access`` runs the same code as with
/// ``HardwareAccess``.
///
/// Not among the steps, and so not counted: the words of a new table before it is linked, which are in a
/// frame of the thread's own, and what the program keeps on its heap.
public enum CountingAccess: WordAccess {
  private static let notes = Mutex<[ThreadIdentifier: TouchedLines]>([:])

  /// From here on the lines that the calling thread touches are noted, after none.
  public static func startCounting() {
    notes.withLock { $0[.current] = TouchedLines() }
  }

  /// The lines that the calling thread has touched since ``startCounting()``, none without it; nothing is
  /// noted any more.
  public static func stopCounting() -> TouchedLines {
    notes.withLock { $0.removeValue(forKey: .current) } ?? TouchedLines()
  }

  private static func note(_ word: SharedWord, _ change: (inout TouchedLines, UInt) -> Void) {
    // SAFETY: the address is made a number, and nothing is read there.
    let line = unsafe UInt(bitPattern: word.pointer) / UInt(WordLines.byteCount)
    notes.withLock { notes in
      guard var lines = notes.removeValue(forKey: .current) else { return }
      change(&lines, line)
      notes[.current] = lines
    }
  }

  private static func noteLocked(_ word: SharedWord) {
    note(word) { lines, line in
      lines.written.insert(line)
      lines.lockedCount += 1
    }
  }

  /// The kernel's id of the calling thread.
  public static var thread: ThreadIdentifier { .current }

  /// An acquire load.
  public static func load(_ word: SharedWord) -> UInt64 {
    note(word) { $0.read.insert($1) }
    return HardwareAccess.load(word)
  }

  /// A release store.
  public static func store(_ word: SharedWord, _ value: UInt64) {
    note(word) { $0.written.insert($1) }
    HardwareAccess.store(word, value)
  }

  /// XCHG.
  public static func exchange(_ word: SharedWord, _ value: UInt64) -> UInt64 {
    noteLocked(word)
    return HardwareAccess.exchange(word, value)
  }

  /// LOCK CMPXCHG.
  public static func compareExchange(
    _ word: SharedWord, _ expected: inout UInt64, _ desired: UInt64
  ) -> Bool {
    noteLocked(word)
    return HardwareAccess.compareExchange(word, &expected, desired)
  }

  /// LOCK AND.
  public static func fetchAnd(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    noteLocked(word)
    return HardwareAccess.fetchAnd(word, bits)
  }

  /// LOCK OR.
  public static func fetchOr(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    noteLocked(word)
    return HardwareAccess.fetchOr(word, bits)
  }

  /// LOCK XADD.
  public static func fetchAdd(_ word: SharedWord, _ number: UInt64) -> UInt64 {
    noteLocked(word)
    return HardwareAccess.fetchAdd(word, number)
  }

  /// Passes a moment as ``HardwareAccess/wait(_:while:_:)`` does.
  public static func wait(
    _ word: SharedWord, while value: UInt64, _ patience: inout Patience
  ) -> Bool {
    HardwareAccess.wait(word, while: value, &patience)
  }
}

/// Cache lines that a thread touched, as numbers: addresses in this process divided by 64.
public struct TouchedLines: Hashable, Sendable {
  /// The lines that were written.
  public internal(set) var written: Set<UInt> = []
  /// The lines that were read; one that was written as well is in both.
  public internal(set) var read: Set<UInt> = []
  /// The number of locked operations.
  public internal(set) var lockedCount = 0

  init() {}

  /// The lines over which two threads with these would have to wait for each other's caches: written by
  /// one of them and touched by the other.
  public func conflicts(with other: TouchedLines) -> Set<UInt> {
    written.intersection(other.written.union(other.read))
      .union(other.written.intersection(read))
  }
}
