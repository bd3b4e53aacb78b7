// RunSequel: the leaf that continues a run by nothing but its address.

/// Leaves of one table that continue a pending run, each the word that the one before it makes
/// expected: most leaves of most tables, which are counted here and joined to the run once.
@usableFromInline
struct RunSequel {
  /// The next word; 0, which is no entry, where none is expected.
  @usableFromInline var word: UInt64 = 0
  /// The linear address of the next leaf.
  @usableFromInline var linearAddress: UInt64 = 0
  /// The table and the way to it, by its level and its first linear address.
  @usableFromInline var level = Level.pageTable
  @usableFromInline var tableAddress: UInt64 = 0
  /// The bytes of each page.
  @usableFromInline var span: UInt64 = 0
  /// The leaves that were counted so far.
  @usableFromInline var pageCount: UInt64 = 0
  @usableFromInline var isAccessed = false
  @usableFromInline var isDirty = false

  /// Expects nothing.
  @inlinable init() {}

  /// Expects what continues `entry`, a leaf of `size` in `table`.
  @inlinable
  init(of entry: EntryVisit, _ size: PageSize, in table: TableVisit) {
    level = table.level
    tableAddress = table.linearAddress
    span = size.byteCount
    linearAddress = entry.linearAddress
    isAccessed = entry.entry.isAccessed
    isDirty = entry.entry.isDirty
    advance(from: entry.entry.rawValue)
  }

  /// Counts `entry` when it is the one that is expected; says whether it was.
  @inlinable
  mutating func takes(_ entry: EntryVisit, in table: TableVisit) -> Bool {
    guard entry.entry.rawValue == word, entry.linearAddress == linearAddress,
      table.level == level, table.linearAddress == tableAddress
    else { return false }
    pageCount &+= 1
    advance(from: word)
    return true
  }

  /// Expects the page behind that of `last`; none where its address needs more bits than there are.
  @inlinable
  mutating func advance(from last: UInt64) {
    let next = last &+ span
    word = (next ^ last) & ~PageTableEntry.Bit.address == 0 ? next : 0
    linearAddress &+= span
  }
}
