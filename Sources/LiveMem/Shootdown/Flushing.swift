// Flushing: who takes translations out of the caches of processors.

public import GuestMem

/// How processors come to drop the translations that a change made false.
public enum Flushing: Sendable {
  /// Each processor drops them itself: the thread that runs it handles its requests.
  ///
  /// `kick` makes a processor leave its program soon. It is called without a lock held, by the thread
  /// that made the change.
  case byProcessors(kick: @Sendable (Int) -> Void)
  /// The host takes them away, while the processors run, by giving up its own mapping of the pages that
  /// they led to; the change has nobody to wait for when it returns.
  ///
  /// `settle` waits until no processor is between a walk of the tables and what the host derives from
  /// it. Where processors walk the tables themselves (EPT, NPT) nothing must be waited for, because a walk
  /// that is interrupted begins again. A host that shadows tables reads the guest's entries when a
  /// processor faults and uses them later: without `settle`, 300,000 changes of two pages on KVM with shadow
  /// paging were followed by 23 accesses through what had been taken away, with it by none.
  ///
  /// Tables stay linked when they become empty: a host that shadows tables keeps what it derived from a
  /// link that the host removed, and would find it again if the frame became a table elsewhere. For the
  /// same reason no other address may lead to a large page that is split.
  case byHost(HostMapping, settle: @Sendable () throws -> Void)

  /// Whether tables that become empty are unlinked.
  @usableFromInline var unlinksTables: Bool {
    if case .byProcessors = self { true } else { false }
  }
}
