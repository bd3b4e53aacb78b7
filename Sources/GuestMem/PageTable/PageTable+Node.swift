// PageTable, nodes: the way from a table to the guards and entries of its nodes.

public import MMU

extension ConfiguredPageTable {
  /// Calls `body` with the root, locked, and the allocator.
  ///
  /// - Throws: ``EntryError/busy(nodeAddress:holder:)`` and what `body` throws.
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
  /// - Throws: ``EntryError/notCanonical(_:)``, ``EntryError/notOwned(index:)`` for an address in
  ///   the other half, ``EntryError/busy(nodeAddress:holder:)``, and what `body` throws.
  /// - Complexity: one lock for each level.
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
    // Nodes on the way are locked without guards, which would own what keeps the memory there.
    var table = root
    var userPages = UserPages.allowed
    var found = try tables.lock(table)
    while true {
      let number = UInt64(found.rawValue)
      let index = Configuration.index(position, number)
      let word = tables.memory.entry(table, index)
      guard tables.ownedIndices(number).contains(index) else {
        tables.unlock(table)
        throw .notOwned(index: index)
      }
      guard found > level, let child = tables.node(linkedBy: word, level: number) else {
        defer { tables.unlock(table) }
        var entry = Entry(
          tables: tables, table: table, index: index, level: found, word: word,
          userPages: userPages)
        return try body(&entry, &allocator)
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

extension TableMemory {
  /// The node that an entry found at `level` links, or nil when it links none.
  @inlinable @inline(__always)
  func node(linkedBy word: UInt64, level: UInt64) -> TableFrame? {
    guard level > 1, EntryClass(word, level: level, in: Configuration.entryFormat) == .table,
      let child = memory.table(linkedBy: word),
      metadata.nodeState(of: child.frame).isNode(ofLevelNumber: level &- 1)
    else { return nil }
    return child
  }
}
