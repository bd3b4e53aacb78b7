// TableVisitor: who wants to hear of the tables and entries below a root.

/// A table that a traversal has come to.
@frozen public struct TableVisit: Sendable {
  /// Where the table stands.
  public let address: GuestPhysicalAddress
  /// What the table is used as here; the same table may be used at several levels.
  public let level: Level
  /// The first linear address that goes through the table.
  public let linearAddress: UInt64
  /// The rights that the entries above allow.
  public let inherited: InheritedRights
  /// The entry that points at the table, or nil for the root.
  public let parent: EntryReference?

  @inlinable
  init(
    address: GuestPhysicalAddress, level: Level, linearAddress: UInt64,
    inherited: InheritedRights, parent: EntryReference?
  ) {
    self.address = address
    self.level = level
    self.linearAddress = linearAddress
    self.inherited = inherited
    self.parent = parent
  }

  /// The rights below this table are those below any other visit with an equal key.
  @inlinable public var key: TableKey {
    TableKey(
      address.rawValue | UInt64(level.rawValue)
        | (inherited.combined & PageTableEntry.Bit.readWrite != 0 ? 8 : 0)
        | (inherited.combined & PageTableEntry.Bit.userSupervisor != 0 ? 16 : 0)
        | (inherited.combined & PageTableEntry.Bit.noExecute != 0 ? 32 : 0))
  }
}

/// A table, the level it is used at and the rights it inherits, in one word.
@frozen public struct TableKey: Hashable, Sendable {
  @usableFromInline let bits: UInt64
  @inlinable init(_ bits: UInt64) { self.bits = bits }
}

/// What an entry is.
@frozen public enum EntryKind: Hashable, Sendable {
  /// P is clear, and some other bit is set.
  case notPresent
  /// Present with these reserved bits set.
  case reservedBits(UInt64)
  /// It points at a table that is in memory.
  case table
  /// It points at a table where no memory is.
  case tableOutsideMemory
  /// It maps a page.
  case page(PageSize)
}

/// An entry that a traversal has read; entries that are 0 are not visited.
@frozen public struct EntryVisit: Sendable {
  /// The entry as it stood in memory.
  public let entry: PageTableEntry
  /// What it is.
  public let kind: EntryKind
  /// Its position in the table, 0 to 511.
  public let index: Int
  /// The first linear address that goes through the entry.
  public let linearAddress: UInt64

  @inlinable
  init(entry: PageTableEntry, kind: EntryKind, index: Int, linearAddress: UInt64) {
    self.entry = entry
    self.kind = kind
    self.index = index
    self.linearAddress = linearAddress
  }
}

/// What to do with a table or an entry.
@frozen public enum TraversalDecision: Sendable {
  /// Go on below it.
  case enter
  /// Leave out what is below it.
  case skip
  /// End the traversal.
  case stop
}

/// Hears of tables and entries in the order of linear addresses, from the root down.
public protocol TableVisitor {
  /// A table, before its entries.
  mutating func visit(_ table: TableVisit) -> TraversalDecision
  /// An entry that is not 0; for a table the table's own visit follows.
  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision
  /// The end of a table that was entered.
  mutating func leave(_ table: TableVisit)
}

extension TableVisitor {
  /// Does nothing.
  @inlinable public mutating func leave(_ table: TableVisit) {}
}
