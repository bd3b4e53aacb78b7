// RecursiveSlot: a root entry that leads to the root itself.

/// A root entry that points at the root, so that the tables are seen as pages below it.
///
/// A walk that goes through the entry reads the root once more, one level further down: what it takes
/// for a page then is a table. The entry is a supervisor entry, because who can write to the tables
/// has all rights.
@frozen public struct RecursiveSlot: Hashable, Sendable {
  /// The index of the root entry, 0 to 511.
  public var index: Int
  /// The rights of the entry, which no page below it exceeds.
  public var rights: PageRights

  /// Takes the parts as they are; ``ConfiguredPageTable/linkRoot(_:)`` refuses what cannot be.
  public init(index: Int, rights: PageRights = [.read, .write]) {
    self.index = index
    self.rights = rights
  }

  /// The entry for a root, without A and D.
  @usableFromInline
  func entry(to root: TableFrame) -> UInt64 {
    root.address | EntryBits.present
      | (rights.contains(.write) ? EntryBits.writable : 0)
      | (rights.contains(.execute) ? 0 : EntryBits.noExecute)
  }
}
