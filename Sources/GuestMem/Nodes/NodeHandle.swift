// NodeHandle: an owner of a page-table node.

public import MMU

/// One of the owners of a node; when the last one is gone, the node and all below it are freed.
///
/// The entry that links a node, a handle, and a processor that runs on a root are one owner each.
@frozen public struct NodeHandle<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// The frame of the node.
  public let table: TableFrame
  @usableFromInline let tables: TableMemory<Configuration>
  /// False once somebody else took the owner over.
  @usableFromInline var isOwner = true

  /// Takes over an owner that stands in the metadata already.
  @inlinable
  init(owned table: TableFrame, tables: TableMemory<Configuration>) {
    self.table = table
    self.tables = tables
  }

  /// An empty node that nothing links to, with one owner: the handle.
  ///
  /// - Throws: ``EntryError/outOfFrames`` and ``EntryError/foreignAllocator``.
  @inlinable
  public init(
    level: Level, tables: TableMemory<Configuration>, allocator: inout FrameAllocator
  ) throws(EntryError) {
    let table = try tables.newNode(level: level, allocator: &allocator)
    self.init(owned: table, tables: tables)
  }

  /// The level, which never changes; readable without the lock.
  @inlinable public var level: Level {
    tables.metadata.nodeState(of: table.frame).level ?? .pageTable
  }

  /// Takes the lock, and waits for it as long as `patience` says; 0 only tries.
  ///
  /// The clock is looked at seldom: it may take a few microseconds longer, and as long as other
  /// threads keep the processor.
  ///
  /// - Throws: ``EntryError/busy(nodeAddress:holder:)`` when it is still held then, and at once
  ///   when this thread holds it itself; ``EntryError/stray(nodeAddress:)`` when the node was
  ///   unlinked.
  @inlinable
  public func lock(
    patience: Duration = NodeLock.defaultPatience
  ) throws(EntryError) -> NodeGuard<Configuration> {
    try NodeGuard(
      locking: table, tables: tables, userPages: .allowed,
      nanoseconds: patience.nanosecondsToWait)
  }

  /// Ends the handle and keeps its owner: an entry is that owner now.
  @inlinable
  public consuming func intoRaw() -> TableFrame {
    isOwner = false
    return table
  }

  /// Marks the node and all nodes below it as unlinked, and releases their locks.
  @inlinable
  public func markStray() { tables.markStray(table) }

  @inlinable
  deinit {
    guard isOwner else { return }
    tables.dropNode(table)
  }
}

extension TableMemory {
  /// An empty node with one owner.
  @inlinable
  func newNode(
    level: Level, allocator: inout FrameAllocator
  ) throws(EntryError) -> TableFrame {
    guard allocator.metadata.isSame(as: metadata) else { throw .foreignAllocator }
    if allocator.freeFrames == 0 { allocator.collectReturned() }
    guard
      let table = newTable(level: UInt64(level.rawValue), used: 0..<0, allocator: &allocator)
    else { throw .outOfFrames }
    return table
  }

  /// The indices of the entries of a node at `level` that are the node's own.
  ///
  /// The other half of a root belongs to another table, whose nodes this one only points at.
  @inlinable
  func ownedIndices(_ level: UInt64) -> Range<Int> {
    let count = Configuration.entryCount
    guard level == rootLevel else { return 0..<count }
    switch Configuration.ownedSpace {
    case .all: return 0..<count
    case .lowerHalf: return 0..<count / 2
    case .upperHalf: return count / 2..<count
    }
  }

  /// Marks a node and all nodes below it as unlinked, parents before children.
  @inlinable
  func markStray(_ table: TableFrame) {
    let state = metadata.nodeState(of: table.frame)
    // Those below a marked node were marked with it, also where a guest links it once more.
    guard let level = state.level, !state.isStray else { return }
    if state.isLocked { Configuration.willUnlock(frame: table.frame, level: level) }
    changeState(of: table) {
      $0.isStray = true
      $0 = $0.unlocked
    }
    guard level > .pageTable else { return }
    for index in ownedIndices(UInt64(level.rawValue)).reversed() {
      let entry = memory.entry(table, index)
      if case .table(let child, _) = ChildReference(entry: entry, level: level, tables: self) {
        markStray(child)
      }
    }
  }

  /// Takes one owner of a node away, and frees the node and what it owns when it was the last.
  @inlinable
  func dropNode(_ table: TableFrame) {
    guard let remaining = try? metadata.removeOwner(of: table.frame), remaining == .none else {
      return
    }
    let state = metadata.nodeState(of: table.frame)
    if let level = state.level, state.presentCount > 0 {
      for index in ownedIndices(UInt64(level.rawValue)) {
        let entry = memory.entry(table, index)
        switch ChildReference(entry: entry, level: level, tables: self) {
        case .none: break
        case .table(let child, _): dropNode(child)
        case .page(let raw): dropPage(entry, raw)
        }
      }
    }
    metadata.pushReturned(table.frame)
  }

  /// Gives back the shares that a leaf owned.
  @inlinable
  func dropPage(_ entry: UInt64, _ raw: RawPage) {
    guard Configuration.leafOwnership.isTracked(entry) else { return }
    metadata.dropPageOwners(
      from: raw.physicalAddress.rawValue &>> 12,
      count: Configuration.span(UInt64(raw.level.rawValue)) &>> 12)
  }
}

/// Whether user pages below a node can be used.
@frozen public enum UserPages: Hashable, Sendable {
  /// Every entry above the node is a user entry.
  case allowed
  /// An entry above the node is a supervisor entry.
  case unreachable
}
