// BootPageTable, queries: translations and contracts.

public import MMU

extension BootPageTable {
  /// Where `linearAddress` leads, or nil when no leaf that the processor accepts maps it.
  ///
  /// The properties are those of the leaf; an adopted entry above may deny rights that it gives,
  /// which a walk of the model tells. A page without rights is answered too.
  /// - Complexity: one load for each level.
  @inlinable
  public func translate(_ linearAddress: LinearAddress) -> MappedPage<NativePaging>? {
    let address = linearAddress.rawValue
    guard (address &+ tables.half) & tables.forbiddenLinearBits & ~4095 == 0 else { return nil }
    var table = root
    var level = tables.rootLevel
    while true {
      let entry = tables.memory.entry(table, NativePaging.index(address, level))
      let origin = tables.origin(of: table, level: level)
      switch tables.meaning(of: entry, level: level, in: origin) {
      case .absent, .invalid: return nil
      case .leaf: return tables.translate(address, by: entry, level: level)
      case .table:
        guard let child = tables.memory.table(linkedBy: entry) else { return nil }
        table = child
        level &-= 1
      }
    }
  }

  /// Every rule that the tables of this table's own and their metadata violate; empty when all is
  /// well.
  ///
  /// What adopted entries say is not judged, and adopted tables are not looked at. Frames that
  /// others own are told by `context`, as for a table of one's own.
  /// - Complexity: reads every own table once and the metadata of every frame ever counted.
  @inlinable
  public func contractViolations(
    allocator: borrowing FrameAllocator, context: ContractContext = ContractContext()
  ) -> [ContractViolation] {
    var context = context
    if adoptedRoot != nil { context.adoptedTables = .linked }
    return ContractChecker.violations(
      of: [root], in: tables, allocator: allocator, context: context)
  }
}
