// ScheduledAccess: the steps of a protocol, each of which a scheduler may delay.

import Coroutines
import GuestMem
import LiveMem

/// What a thread is about to do with a word.
struct PlannedStep {
  enum Kind {
    case load
    /// A locked operation.
    case change
    /// A wait until the word is no longer this.
    case wait(UInt64)
    /// A store becomes visible.
    case drain
  }

  let kind: Kind
  let word: SharedWord

  var writes: Bool {
    switch kind {
    case .load, .wait: false
    case .change, .drain: true
    }
  }

  /// True when it makes a difference which of both comes first.
  func conflicts(with other: PlannedStep) -> Bool {
    word == other.word && (writes || other.writes)
  }
}

/// Shared words whose every step asks the scheduler of the moment first; without one, the steps are
/// instructions.
enum ScheduledAccess: WordAccess {
  private static var scheduler: Schedule? {
    guard let owner = unsafe coroutine_get_owner() else { return nil }
    return unsafe Unmanaged<Schedule>.fromOpaque(owner).takeUnretainedValue()
  }

  static var thread: ThreadIdentifier {
    guard let scheduler else { return .current }
    return ThreadIdentifier(rawValue: UInt32(scheduler.running + 1))
  }

  static func load(_ word: SharedWord) -> UInt64 {
    guard let scheduler else { return HardwareAccess.load(word) }
    return scheduler.load(word)
  }

  static func store(_ word: SharedWord, _ value: UInt64) {
    guard let scheduler else { return HardwareAccess.store(word, value) }
    scheduler.store(word, value)
  }

  static func exchange(_ word: SharedWord, _ value: UInt64) -> UInt64 {
    scheduler?.change(word)
    return HardwareAccess.exchange(word, value)
  }

  static func compareExchange(
    _ word: SharedWord, _ expected: inout UInt64, _ desired: UInt64
  ) -> Bool {
    scheduler?.change(word)
    return HardwareAccess.compareExchange(word, &expected, desired)
  }

  static func fetchAnd(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    scheduler?.change(word)
    return HardwareAccess.fetchAnd(word, bits)
  }

  static func fetchOr(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    scheduler?.change(word)
    return HardwareAccess.fetchOr(word, bits)
  }

  static func fetchAdd(_ word: SharedWord, _ number: UInt64) -> UInt64 {
    scheduler?.change(word)
    return HardwareAccess.fetchAdd(word, number)
  }

  static func wait(_ word: SharedWord, while value: UInt64, _ patience: inout Patience) -> Bool {
    guard let scheduler else { return HardwareAccess.wait(word, while: value, &patience) }
    scheduler.wait(word, while: value)
    return true
  }
}
