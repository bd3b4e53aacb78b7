// PreparedProperties: properties that were checked and encoded once, for many pages.

internal import MMU

/// Properties as the bits of leaves of a kind of table, checked against a processor's configuration.
///
/// The kind belongs to the type, because the bits of another format, or without the mark of pages
/// that own nothing, would mean something else. Use them with tables of the same
/// ``TableMemory/paging`` as those that prepared them.
@frozen public struct PreparedProperties<Configuration: PageTableConfiguration>: Hashable, Sendable
{
  @usableFromInline let leaf: LeafBits
  @usableFromInline let linkBits: UInt64
  /// Bits that the physical address of a 4 KiB page may not have.
  @usableFromInline let forbiddenAddressBits: UInt64

  @inlinable
  init(leaf: LeafBits, linkBits: UInt64, forbiddenAddressBits: UInt64) {
    self.leaf = leaf
    self.linkBits = linkBits
    self.forbiddenAddressBits = forbiddenAddressBits
  }

  /// True for user pages.
  @inlinable public var isUser: Bool { leaf.small & EntryBits.user != 0 }
}

extension ConfiguredPageTable {
  /// Checks and encodes properties for many pages of this table.
  ///
  /// Throws: ``PageTableError`` for properties that no entry can express, and
  /// ``PageTableError/noRights(_:)`` with the address 0, as there is none yet.
  @inlinable
  public func prepare(
    _ properties: PageProperties
  ) throws(PageTableError) -> PreparedProperties<Configuration> {
    try tables.validate(properties)
    guard !properties.rights.isEmpty else { throw .noRights(0) }
    return PreparedProperties(
      leaf: tables.untrackedLeaf(properties),
      linkBits: Configuration.entryFormat.link(to: properties),
      forbiddenAddressBits: tables.forbiddenPhysicalBits)
  }
}
