// Entry: a handle of one slot of a locked node.

public import MMU

/// One entry of a node whose lock is held.
///
/// It keeps a snapshot of the word, which differs from memory by accessed and dirty bits only that
/// hardware set since; every change takes those bits into account.
@frozen public struct Entry<Configuration: PageTableConfiguration>: ~Copyable {
  @usableFromInline let tables: TableMemory<Configuration>
  @usableFromInline let table: TableFrame
  /// The index in the node.
  public let index: Int
  /// The level of the node.
  public let level: Level
  /// The word as it was last read or written.
  @inlinable public var word: UInt64 { snapshot }
  @usableFromInline var snapshot: UInt64
  /// Whether user pages below the node can be used.
  public let userPages: UserPages

  @inlinable
  init(
    tables: TableMemory<Configuration>, table: TableFrame, index: Int, level: Level,
    word: UInt64, userPages: UserPages
  ) {
    self.tables = tables
    self.table = table
    self.index = index
    self.level = level
    self.snapshot = word
    self.userPages = userPages
  }

  @inlinable var levelNumber: UInt64 { UInt64(level.rawValue) }

  /// True when nothing is mapped and no table is linked.
  @inlinable public var isNone: Bool { snapshot == 0 }

  /// True when the entry links a table.
  @inlinable public var isNode: Bool {
    EntryClass(snapshot, level: levelNumber, in: Configuration.entryFormat) == .table
  }

  /// True when the entry maps a page.
  @inlinable var isLeaf: Bool {
    EntryClass(snapshot, level: levelNumber, in: Configuration.entryFormat) == .leaf
  }

  /// What the entry leads to, borrowed; no count changes.
  @inlinable public var reference: ChildReference {
    ChildReference(entry: snapshot, level: level, tables: tables)
  }

  /// Locks the table that the entry links, or answers nil when it links none; waits as long as
  /// `patience` says.
  ///
  /// - Throws: ``EntryError/busy(nodeAddress:holder:)``.
  @inlinable
  public func lockChild(
    patience: Duration = NodeLock.defaultPatience
  ) throws(EntryError) -> NodeGuard<Configuration>? {
    try lockChild(nanoseconds: patience.nanosecondsToWait)
  }

  @inlinable
  func lockChild(nanoseconds: UInt64) throws(EntryError) -> NodeGuard<Configuration>? {
    guard case .table(let child, _) = reference else { return nil }
    return try NodeGuard(
      locking: child, tables: tables, userPages: childUserPages, nanoseconds: nanoseconds)
  }

  /// Whether user pages below the table that the entry links can be used.
  @inlinable var childUserPages: UserPages {
    snapshot & EntryBits.user != 0 ? userPages : .unreachable
  }

  /// Throws when the node was given back while its guard was held.
  ///
  /// Its words and its metadata are somebody else's then.
  @inlinable
  func checkNode() throws(EntryError) {
    guard tables.metadata.nodeState(of: table.frame).isNode(ofLevelNumber: levelNumber) else {
      throw .stray(nodeAddress: table.address)
    }
  }

  @inlinable
  func invalid() -> EntryError { .invalidEntry(level: level, index: index, entry: snapshot) }

  /// Adds to the number of present entries; says nothing about slots the root does not own.
  @inlinable
  func addPresent(_ count: Int) {
    guard tables.ownedIndices(levelNumber).contains(index) else { return }
    tables.addPresent(count, to: table)
  }
}

/// The lock of its node is that of the thread that lent it.
@available(*, unavailable)
extension Entry: @unchecked Sendable {}
