// WalkEnd: how a walk ended.

/// How a walk ended: at a page, or at what stopped it.
@frozen public enum WalkEnd: Hashable, Sendable {
  /// A leaf was found.
  case page(Translation)
  /// P is clear in the entry at this level.
  case notPresent(Level)
  /// The entry at this level is present and has these reserved bits set.
  case reservedBits(Level, UInt64)
  /// No memory is at this address, where the entry at this level should be read.
  ///
  /// The architecture leaves open what such a read returns. The model's rule, a rule of the
  /// platform and not of the manual, is that the entry counts as not present: KVM and QEMU deliver
  /// a page fault with P = 0 (measured on both).
  case tableOutsideMemory(Level, GuestPhysicalAddress)
  /// The linear address is not canonical; no entry was read.
  case notCanonical
}
