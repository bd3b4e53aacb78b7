// PageTable, contracts: the check of one table that stands alone.

internal import MMU

extension ConfiguredPageTable {
  /// Every rule that this table and its metadata violate; empty when all is well.
  ///
  /// Unless `context` says otherwise, nobody else refers to frames of the allocator: a node that is
  /// not reached from here is a leak, and an owner too many is an error. Tell the context of handles
  /// and of other tables, or that there are some that you do not know of
  /// (``ContractContext/Completeness/someRoots``).
  ///
  /// - Complexity: reads every table once and the metadata of every frame that was ever counted.
  @inlinable
  public func contractViolations(
    allocator: borrowing FrameAllocator, context: ContractContext = ContractContext()
  ) -> [ContractViolation] {
    ContractChecker.violations(
      of: [root], in: tables, allocator: allocator, context: context)
  }
}

extension ContractContext {
  /// Adds another table of the same memory: what its entries refer to, and its root.
  ///
  /// What that table violates itself is a question to it.
  /// - Complexity: reads every table below its root once.
  @inlinable
  public mutating func add<Configuration: PageTableConfiguration>(
    _ other: borrowing ConfiguredPageTable<Configuration>
  ) {
    var checker = ContractChecker(tables: other.tables, context: self)
    checker.checkRoot(other.root)
    for counts in [checker.linkCounts, checker.mapCounts] {
      for (frame, count) in counts where count > 0 { handles[frame, default: 0] &+= count }
    }
    handles[other.root.frame, default: 0] &+= 1
  }
}
