// PageTable, contracts: the check of one table that stands alone.

internal import MMU

extension ConfiguredPageTable {
  /// Every rule that this table and its metadata violate; empty when all is well.
  ///
  /// Complexity: reads every table once and the metadata of every frame that was ever counted.
  @inlinable
  public func contractViolations(
    allocator: borrowing FrameAllocator,
    context: ContractContext = ContractContext(completeness: .someRoots)
  ) -> [ContractViolation] {
    ContractChecker.violations(
      of: [root], in: tables, allocator: allocator, context: context)
  }
}
