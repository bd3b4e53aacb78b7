// PreparedProperties: properties that were checked and encoded once, for many pages.

/// Properties as the bits of leaves of a kind of table, checked against a processor's configuration.
///
/// The kind belongs to the type, because the bits of another format, or without the mark of pages
/// that own nothing, would mean something else. A table that another processor reads may be handed
/// them: what its leaves cannot have is refused.
@frozen
public struct PreparedProperties<Configuration: PageTableConfiguration>: Hashable,
  Sendable
{
  @usableFromInline let leaf: LeafBits
  @usableFromInline let linkBits: UInt64

  @inlinable
  init(leaf: LeafBits, linkBits: UInt64) {
    self.leaf = leaf
    self.linkBits = linkBits
  }

  /// True for user pages.
  @inlinable public var isUser: Bool { leaf.small & EntryBits.user != 0 }
}
