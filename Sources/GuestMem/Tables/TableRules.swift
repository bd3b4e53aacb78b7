// TableRules: what the processor and the kind of table decide about a request, without any memory.

public import MMU

/// What is decided before a table is looked at: which addresses there are, which pages, which properties.
///
/// `TableMemory` decides by it, and so does `LiveMem`, whose threads must not touch what keeps the memory:
/// a count of references there would be a word that all of them write.
@usableFromInline package protocol TableRules<Configuration>: Sendable {
  /// The kind of table.
  associatedtype Configuration: PageTableConfiguration
  /// How the processor reads the tables.
  var paging: PagingConfiguration { get }
  /// The level of roots.
  var rootTableLevel: Level { get }
}

extension TableRules {
  /// The level of the root as a number.
  @inlinable package var rootLevel: UInt64 { UInt64(rootTableLevel.rawValue) }

  /// Throws what no leaf of this table can express.
  @inlinable
  package func validate(_ properties: PageProperties) throws(PageTableError) {
    try LeafBits.validate(properties, for: paging, in: Configuration.entryFormat)
    let reserved = properties.softwareBits & Configuration.leafOwnership.softwareMask
    guard reserved == 0 else { throw .reservedSoftwareBits(reserved) }
  }

  /// The bits of leaves that own nothing.
  @inlinable @inline(__always)
  package func untrackedLeaf(_ properties: PageProperties) -> LeafBits {
    LeafBits(properties, in: Configuration.entryFormat).adding(
      Configuration.leafOwnership.untrackedBits)
  }
}
