// PageTable, lifetime: owners of a root, and the end of everything below it.

internal import MMU

/// A processor's ownership of the root it runs on: the tables stay as long as this value.
@frozen public struct RootActivation<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  @usableFromInline let root: NodeHandle<Configuration>

  @inlinable
  init(root: consuming NodeHandle<Configuration>) { self.root = root }

  /// The value for CR3: the address of the root, PCID 0, write-back.
  @inlinable public var cr3: UInt64 { root.table.address }
}

extension ConfiguredPageTable {
  /// Makes a processor one of the owners of the root; load ``RootActivation/cr3`` while it lives.
  ///
  /// - Throws: ``FrameStateError/tooManyOwners(frame:)``.
  @inlinable
  public borrowing func activate() throws(FrameStateError) -> RootActivation<Configuration> {
    try tables.metadata.addOwner(of: root.frame)
    return RootActivation(root: NodeHandle(owned: root, tables: tables))
  }

  /// Another value for the same tables; each has to be destroyed.
  ///
  /// Both stay on one thread, as neither is `Sendable`: a translation by one would read what the
  /// other takes apart. A cursor or guard of one keeps the other from what it has locked.
  ///
  /// - Throws: ``FrameStateError/tooManyOwners(frame:)``.
  @inlinable
  public borrowing func shallowCopy() throws(FrameStateError) -> ConfiguredPageTable {
    try tables.metadata.addOwner(of: root.frame)
    return ConfiguredPageTable(tables: tables, root: root)
  }

  /// Gives one owner of the root up; the last one frees all tables and what their pages own.
  ///
  /// A value that is not destroyed leaves its tables in memory, where a guest may use them. What
  /// the root does not own, such as a shared kernel half, stays.
  @inlinable
  public consuming func destroy(allocator: inout FrameAllocator) {
    tables.dropNode(root)
    allocator.collectReturned()
  }
}
