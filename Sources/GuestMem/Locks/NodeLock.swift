// NodeLock: how the nodes of a kind of page table are locked.

/// Which lock the nodes of a kind of page table have.
///
/// Both stand in the node's word of metadata, name the thread that holds them, and are waited for
/// by pausing and then by yielding the processor, for a limited time.
@frozen public enum NodeLock: Hashable, Sendable {
  /// Whoever comes at the right moment gets the lock; its holder changes the word by plain stores.
  case spin
  /// Threads that wait get the lock in the order in which they came, and a thread that only tries
  /// does not overtake them.
  ///
  /// Sixteen threads can wait in order for one node; others wait for a place among them, in no
  /// order. Its holder changes the word by locked operations, because threads that come to wait
  /// change it as well.
  case fair

  /// How long a lock is waited for unless told otherwise: one second.
  ///
  /// Locks are held for microseconds, unless the holder lost its processor meanwhile.
  @inlinable public static var defaultPatience: Duration { .seconds(1) }

  /// The same in nanoseconds.
  @inlinable static var defaultNanoseconds: UInt64 { 1_000_000_000 }
}

extension Duration {
  /// The duration in nanoseconds, rounded down; 0 when it is negative.
  @usableFromInline var nanosecondsToWait: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
    return overflow || carry ? .max : sum
  }
}
