// BootPageTable, lifetime: owners of the root, and the end of the tables that are its own.

internal import MMU

extension BootPageTable {
  /// Makes a processor one of the owners of the root; load ``RootActivation/cr3`` while it lives.
  ///
  /// - Throws: ``FrameStateError/tooManyOwners(frame:)``.
  @inlinable
  public borrowing func activate() throws(FrameStateError) -> RootActivation<NativePaging> {
    try tables.metadata.addOwner(of: root.frame)
    return RootActivation(root: NodeHandle(owned: root, tables: tables))
  }

  /// Gives one owner of the root up; the last one, this or an activation, frees all tables of its
  /// own and no adopted one.
  ///
  /// The adopted tables stand as they stood, besides what hardware wrote to them. A value that is
  /// not dismissed leaves its tables in memory.
  @inlinable
  public consuming func dismiss(allocator: inout FrameAllocator) {
    tables.dropNode(root)
    allocator.collectReturned()
  }
}
