// Prepared properties, checked against the processor that walks the tables.

public import MMU

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
