// PreparedProperties: properties that were checked and encoded once, for many pages.

public import MMU

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
      linkBits: Configuration.entryFormat.link(to: properties))
  }
}

extension TableMemory {
  /// Bits of leaves that no leaf of these tables has: XD without EFER.NXE.
  @inlinable var refusedLeafBits: UInt64 {
    paging.isNoExecuteEnabled ? 0 : EntryBits.noExecute
  }

  /// Throws unless properties that were prepared for another processor fit this one.
  @inlinable
  func validate(_ properties: PreparedProperties<Configuration>) throws(PageTableError) {
    guard properties.leaf.small & refusedLeafBits == 0 else { throw .noExecuteUnavailable }
  }
}
