// WordAccess: every way in which a shared word is read or written, each of which is one step.

public import GuestMem

/// The steps of the protocols in this module.
///
/// The code of the protocols is generic over them: a program runs it on ``HardwareAccess``, whose
/// steps are instructions, and the tests on steps that hand over to a scheduler, which goes through
/// the orders in which threads can make them and through the order in which stores become visible.
///
/// A load is an acquire load, a store a release store, and all others are locked operations, which
/// no load or store of the same thread passes. A store may become visible after loads that
/// come later in the program, and no step here but a locked one prevents that.
///
/// Source: Intel SDM volume 3A, section 9.2.3.4 (loads may be reordered with earlier stores to
/// different locations) and 9.2.3.9 (loads and stores are not reordered with locked instructions).
public protocol WordAccess: Sendable {
  /// The calling thread.
  static var thread: ThreadIdentifier { get }
  /// Reads the word.
  static func load(_ word: SharedWord) -> UInt64
  /// Writes the word; others may see it later than what this thread reads next.
  static func store(_ word: SharedWord, _ value: UInt64)
  /// Replaces the word, and answers what stood there.
  static func exchange(_ word: SharedWord, _ value: UInt64) -> UInt64
  /// Replaces the word if it equals `expected`, or puts what stands there into it.
  static func compareExchange(
    _ word: SharedWord, _ expected: inout UInt64, _ desired: UInt64
  ) -> Bool
  /// Keeps the bits of `bits`, and answers what stood there.
  static func fetchAnd(_ word: SharedWord, _ bits: UInt64) -> UInt64
  /// Sets the bits of `bits`, and answers what stood there.
  static func fetchOr(_ word: SharedWord, _ bits: UInt64) -> UInt64
  /// Adds `number`, wrapping, and answers what stood there.
  static func fetchAdd(_ word: SharedWord, _ number: UInt64) -> UInt64
  /// Passes a moment in which the word is likely to change from `value`; false when `patience` is
  /// at its end.
  ///
  /// The word may still be the same afterwards: the caller looks again.
  static func wait(_ word: SharedWord, while value: UInt64, _ patience: inout Patience) -> Bool
}
