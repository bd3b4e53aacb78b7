// PageTable, nodes: the way from a table to the guards and entries of its nodes.

public import MMU

extension ConfiguredPageTable {
  /// Calls `body` with the root, locked, and the allocator.
  ///
  /// Throws: ``EntryError/busy(nodeAddress:holder:)`` and what `body` throws.
  @inlinable
  public mutating func withRoot<Result: ~Copyable>(
    allocator: inout FrameAllocator,
    _ body: (inout NodeGuard<Configuration>, inout FrameAllocator) throws(EntryError) -> Result
  ) throws(EntryError) -> Result {
    var root = try NodeGuard(locking: root, tables: tables, userPages: .allowed)
    return try body(&root, &allocator)
  }

  /// Calls `body` with the lowest entry down to `level` that decides `linearAddress`, and the
  /// allocator.
  ///
  /// The entry links no table, or is at `level`. Locks are taken from the root down, each before
  /// the one above it is released.
  ///
  /// Throws: ``EntryError/notCanonical(_:)``, ``EntryError/notOwned(index:)`` for an address in the
  /// other half, ``EntryError/busy(nodeAddress:holder:)``, and what `body` throws.
  /// Complexity: one lock for each level.
  @inlinable
  public mutating func withEntry<Result: ~Copyable>(
    for linearAddress: LinearAddress, downTo level: Level = .pageTable,
    allocator: inout FrameAllocator,
    _ body: (inout Entry<Configuration>, inout FrameAllocator) throws(EntryError) -> Result
  ) throws(EntryError) -> Result {
    let position = linearAddress.rawValue & (1 &<< tables.addressWidth &- 1)
    guard tables.address(position) == linearAddress.rawValue else {
      throw .notCanonical(linearAddress.rawValue)
    }
    // Upper nodes are locked without guards: a guard and an entry own what keeps the memory there.
    var table = root
    var userPages = UserPages.allowed
    var found = try tables.lock(table)
    while true {
      let index = Configuration.index(position, UInt64(found.rawValue))
      let word = tables.memory.entry(table, index)
      guard tables.ownedIndices(UInt64(found.rawValue)).contains(index), found > level,
        case .table(let child, _) = ChildReference(entry: word, level: found, tables: tables)
      else {
        var node = NodeGuard(locked: table, level: found, tables: tables, userPages: userPages)
        return try node.withEntry(at: index) { (entry) throws(EntryError) in
          try body(&entry, &allocator)
        }
      }
      if word & EntryBits.user == 0 { userPages = .unreachable }
      do throws(EntryError) {
        found = try tables.lock(child)
      } catch {
        tables.unlock(table)
        throw error
      }
      tables.unlock(table)
      table = child
    }
  }
}
