// AdoptionSurvey: looks at the tables below a root before they are adopted.

internal import MMU

/// Finds tables whose frames the allocator could give out, or has given out for other tables.
///
/// A table may be linked by many entries, at several levels, and by itself. It is looked at once
/// for each level, so that the survey ends whatever the tables contain. An entry is followed also
/// where the processor would refuse it for bits besides its address: with another configuration it
/// would lead to the same table.
@usableFromInline struct AdoptionSurvey {
  let tables: TableMemory<NativePaging>
  /// The tables that were looked at: the address, and the level in the low bits.
  private var seen: Set<UInt64> = []

  @usableFromInline
  init(of tables: TableMemory<NativePaging>) { self.tables = tables }

  /// Looks at a table and at everything below it.
  ///
  /// - Complexity: 512 words for each table and level above 1.
  @usableFromInline
  mutating func visit(
    _ table: TableFrame, level: UInt64, position: UInt64, allocator: inout FrameAllocator
  ) throws(AdoptionError) {
    guard seen.insert(table.address | level).inserted else { return }
    guard !allocator.isFree(table.address..<table.address + 4096) else {
      throw .tableIsFree(
        address: table.address, level: levelNumbered(level),
        linearAddress: tables.address(position))
    }
    guard tables.metadata.nodeState(of: table.frame).level == nil else {
      throw .tableIsNode(
        address: table.address, level: levelNumbered(level),
        linearAddress: tables.address(position))
    }
    guard level > 1 else { return }
    for index in 0..<NativePaging.entryCount {
      let entry = tables.memory.entry(table, index)
      guard entry & EntryBits.present != 0,
        case .table = EntryClass(entry, level: level, in: .native),
        let child = tables.memory.table(linkedBy: entry)
      else { continue }
      try visit(
        child, level: level - 1,
        position: position | UInt64(index) << NativePaging.shift(level), allocator: &allocator)
    }
  }
}
