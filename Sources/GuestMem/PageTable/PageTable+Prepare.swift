// Properties that a page table checks and encodes once, for many pages.

extension ConfiguredPageTable {
  /// Checks and encodes properties for many pages of this table.
  ///
  /// - Throws: ``PageTableError`` for properties that no entry can express, and
  ///   ``PageTableError/noRights(_:)`` with the address 0, as there is none yet.
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
