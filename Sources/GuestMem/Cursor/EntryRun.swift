// EntryRun: the entries of a level-1 node that a cursor fills one after the other.

public import CAtomics

/// The entries from a cursor's position on, as far as pages can be put in without moving to another
/// node.
///
/// Where there are none, the next entry is a word that is never 0, so that nobody finds it absent.
@safe @frozen @usableFromInline struct EntryRun {
  /// The entry where the run began.
  @usableFromInline var first: UnsafeMutableRawPointer
  /// The entry at the cursor's position.
  @usableFromInline var next: UnsafeMutableRawPointer
  /// Behind the last entry.
  @usableFromInline let end: UnsafeMutableRawPointer
  /// Bits of leaves that take more than a store: U/S until the entries above are user entries, and
  /// XD where leaves cannot have it.
  @usableFromInline var refusedBits: UInt64

  /// The run of no entries.
  @inlinable
  init(noneIn metadata: FrameMetadataView) {
    unsafe first = metadata.neverAbsent
    unsafe next = first
    unsafe end = first
    refusedBits = 0
  }

  /// The `count` entries from `index` on of a level-1 node.
  @inlinable
  init<Configuration: PageTableConfiguration>(
    _ table: TableFrame, _ index: Int, count: Int, in tables: TableMemory<Configuration>
  ) {
    unsafe first = tables.memory.pointer(table, index)
    unsafe next = first
    unsafe end = first + count &* 8
    refusedBits = EntryBits.user | tables.refusedLeafBits
  }

  /// The number of entries that were filled.
  @inlinable var filledCount: Int { unsafe (next - first) &>> 3 }

  /// True when the last entry was filled.
  @inlinable var isFull: Bool { unsafe next == end }

  /// True when the next entry is absent and none of `bits` is set.
  @inlinable @inline(__always)
  func isAbsent(and bits: UInt64) -> Bool {
    // SAFETY: `next` is an entry inside the window, or the word that is never 0.
    unsafe catomic_load_acquire(next) | bits == 0
  }

  /// Fills the next entry, which was found absent.
  @inlinable @inline(__always)
  mutating func fill(_ entry: UInt64) {
    // SAFETY: an absent entry is one inside the window, and there are as many as were counted.
    unsafe catomic_store_release(next, entry)
    // SAFETY: one more entry is at most the end of the run.
    unsafe next += 8
  }
}
