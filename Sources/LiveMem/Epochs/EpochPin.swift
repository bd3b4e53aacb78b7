// EpochPin: an epoch is kept from ending while a value lives.

/// Keeps what is found in tables from being used for something else, until it goes.
///
/// It may be handed to another thread. Keep it short: nothing is freed meanwhile.
public struct EpochPin<Access: WordAccess>: ~Copyable, Sendable {
  @usableFromInline let domain: EpochDomain<Access>
  @usableFromInline let index: Int

  @inlinable
  init(domain: EpochDomain<Access>, index: Int) {
    self.domain = domain
    self.index = index
  }

  /// The word in which a reader's lock of a node at `level` stands.
  @inlinable
  func readerWord(_ level: UInt64) -> SharedWord { domain.pinWord(index, Int(level)) }

  @inlinable
  deinit {
    // Everything that was read was read before: a release store keeps it so.
    Access.store(domain.pinWord(index), 0)
  }
}
