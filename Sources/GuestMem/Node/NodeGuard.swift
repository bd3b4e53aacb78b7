// NodeGuard: the proof that the lock of a node is held, and the way to its entries.

public import CKVM
public import MMU

/// The lock of a node; it is released at the end of the guard's life.
@frozen public struct NodeGuard<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// The frame of the node.
  public let table: TableFrame
  /// The level of the node.
  public let level: Level
  /// Whether user pages below the node can be used.
  public let userPages: UserPages
  @usableFromInline let tables: TableMemory<Configuration>

  /// The number of times a lock is tried before it is reported as held.
  @inlinable static var patience: Int { 1 << 14 }

  /// Takes the lock.
  ///
  /// Throws: ``EntryError/busy(nodeAddress:)``, ``EntryError/stray(nodeAddress:)`` for a node that
  /// was unlinked while this waited.
  @inlinable
  init(
    locking table: TableFrame, tables: TableMemory<Configuration>, userPages: UserPages
  ) throws(EntryError) {
    let level = try tables.lock(table)
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
  /// Throws: ``EntryError/indexOutOfRange(_:count:)``.
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
  /// Throws: ``EntryError/indexOutOfRange(_:count:)`` and what `body` throws.
  @inlinable
  public mutating func withEntry<Result: ~Copyable>(
    at index: Int, _ body: (inout Entry<Configuration>) throws(EntryError) -> Result
  ) throws(EntryError) -> Result {
    var entry = Entry(
      tables: tables, table: table, index: index, level: level, word: try word(at: index),
      userPages: userPages)
    return try body(&entry)
  }

  @inlinable
  deinit { tables.unlock(table) }
}

extension TableMemory {
  /// Takes the lock of a node and answers its level.
  @inlinable
  func lock(_ table: TableFrame) throws(EntryError) -> Level {
    for _ in 0..<NodeGuard<Configuration>.patience {
      if let state = metadata.lock(table.frame) {
        guard !state.isStray, let level = state.level else {
          unlock(table)
          throw .stray(nodeAddress: table.address)
        }
        return level
      }
    }
    throw .busy(nodeAddress: table.address)
  }

  /// Releases the lock of a node.
  @inlinable
  func unlock(_ table: TableFrame) {
    var state = metadata.nodeState(of: table.frame)
    state.isLocked = false
    metadata.setNodeState(state, of: table.frame)
  }
}

extension FrameMetadataView {
  /// Takes the lock of a node if it is free; answers its state then, or nil.
  @inlinable
  func lock(_ frame: UInt64) -> NodeState? {
    guard let address = unsafe nodeAddress(frame) else { return nil }
    var state = nodeState(of: frame)
    guard !state.isLocked else { return nil }
    var found = state.rawValue
    state.isLocked = true
    // SAFETY: the address is inside the metadata.
    return unsafe ckvm_compare_exchange(address, &found, state.rawValue) ? state : nil
  }
}
