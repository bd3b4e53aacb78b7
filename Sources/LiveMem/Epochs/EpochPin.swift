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

  @inlinable
  deinit {
    domain.pins.unpin(index)
  }
}
