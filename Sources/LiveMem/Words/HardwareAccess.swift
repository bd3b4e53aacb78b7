// HardwareAccess: the steps as instructions of the processor.

public import CAtomics
public import GuestMem

/// Shared words by the atomic instructions of x86-64.
public enum HardwareAccess: WordAccess {
  /// The kernel's id of the calling thread.
  @inlinable @inline(__always) public static var thread: ThreadIdentifier { .current }

  /// An acquire load.
  @inlinable @inline(__always)
  public static func load(_ word: SharedWord) -> UInt64 {
    // SAFETY: whoever made the place promised that an aligned word stands there.
    unsafe catomic_load_acquire(word.pointer)
  }

  /// A release store.
  @inlinable @inline(__always)
  public static func store(_ word: SharedWord, _ value: UInt64) {
    // SAFETY: as for `load`.
    unsafe catomic_store_release(word.pointer, value)
  }

  /// XCHG.
  @inlinable @inline(__always)
  public static func exchange(_ word: SharedWord, _ value: UInt64) -> UInt64 {
    // SAFETY: as for `load`.
    unsafe catomic_exchange(word.pointer, value)
  }

  /// LOCK CMPXCHG.
  @inlinable @inline(__always)
  public static func compareExchange(
    _ word: SharedWord, _ expected: inout UInt64, _ desired: UInt64
  ) -> Bool {
    // SAFETY: as for `load`.
    unsafe catomic_compare_exchange(word.pointer, &expected, desired)
  }

  /// LOCK AND.
  @inlinable @inline(__always)
  public static func fetchAnd(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    // SAFETY: as for `load`.
    unsafe catomic_fetch_and(word.pointer, bits)
  }

  /// LOCK OR.
  @inlinable @inline(__always)
  public static func fetchOr(_ word: SharedWord, _ bits: UInt64) -> UInt64 {
    // SAFETY: as for `load`.
    unsafe catomic_fetch_or(word.pointer, bits)
  }

  /// LOCK XADD.
  @inlinable @inline(__always)
  public static func fetchAdd(_ word: SharedWord, _ number: UInt64) -> UInt64 {
    // SAFETY: as for `load`.
    unsafe catomic_fetch_add(word.pointer, number)
  }

  /// Pauses, yields the processor, or sleeps, the longer the wait lasts.
  @inlinable
  public static func wait(
    _ word: SharedWord, while value: UInt64, _ patience: inout Patience
  ) -> Bool {
    patience.pass()
  }
}
