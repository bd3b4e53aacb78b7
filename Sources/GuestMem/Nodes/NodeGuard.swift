// NodeGuard: the proof that the lock of a node is held, and the way to its entries.

public import MMU

/// The lock of a node; it is released at the end of the guard's life.
///
/// It counts as held by the thread that took it, also after the guard was moved to another one. It
/// does not own the node: in one that was given back meanwhile nothing is changed.
@frozen public struct NodeGuard<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// The frame of the node.
  public let table: TableFrame
  /// The level of the node.
  public let level: Level
  /// Whether user pages below the node can be used.
  public let userPages: UserPages
  @usableFromInline let tables: TableMemory<Configuration>

  /// Takes the lock, and waits for it while there is time.
  ///
  /// - Throws: ``EntryError/busy(nodeAddress:holder:)``, ``EntryError/stray(nodeAddress:)`` for a
  ///   node that was unlinked while this waited.
  @inlinable
  init(
    locking table: TableFrame, tables: TableMemory<Configuration>, userPages: UserPages,
    nanoseconds: UInt64 = NodeLock.defaultNanoseconds
  ) throws(EntryError) {
    let level = try tables.lock(table, nanoseconds: nanoseconds)
    self.init(locked: table, level: level, tables: tables, userPages: userPages)
  }

  /// Takes over a lock that is held.
  @inlinable
  init(
    locked table: TableFrame, level: Level, tables: TableMemory<Configuration>,
    userPages: UserPages
  ) {
    self.table = table
    self.level = level
    self.tables = tables
    self.userPages = userPages
  }

  /// The guest-physical address of the node.
  @inlinable public var address: GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: table.address)
  }

  /// The number of present entries; of a root only those it owns.
  @inlinable public var presentCount: Int {
    tables.metadata.nodeState(of: table.frame).presentCount
  }

  /// True once the node was unlinked from its parent.
  @inlinable public var isStray: Bool { tables.metadata.nodeState(of: table.frame).isStray }

  /// The word of an entry as it stands in memory.
  ///
  /// - Throws: ``EntryError/indexOutOfRange(_:count:)``.
  @inlinable
  public func word(at index: Int) throws(EntryError) -> UInt64 {
    guard index >= 0, index < Configuration.entryCount else {
      throw .indexOutOfRange(index, count: Configuration.entryCount)
    }
    return tables.memory.entry(table, index)
  }

  /// Calls `body` with a fresh handle of one entry; there is one at a time, as the guard is its
  /// owner.
  ///
  /// Of a root this is an entry that this kind of table owns: what stands in the other half is
  /// somebody else's, in a format whose marks may mean the opposite. ``word(at:)`` reads all.
  ///
  /// - Throws: ``EntryError/indexOutOfRange(_:count:)``, ``EntryError/notOwned(index:)`` and what
  ///   `body` throws.
  @inlinable
  public mutating func withEntry<Result: ~Copyable>(
    at index: Int, _ body: (inout Entry<Configuration>) throws(EntryError) -> Result
  ) throws(EntryError) -> Result {
    let word = try word(at: index)
    guard tables.ownedIndices(UInt64(level.rawValue)).contains(index) else {
      throw .notOwned(index: index)
    }
    var entry = Entry(
      tables: tables, table: table, index: index, level: level, word: word, userPages: userPages)
    return try body(&entry)
  }

  @inlinable
  deinit { tables.unlock(table) }
}
