// The words of tables: everything that reads or writes an entry.

public import CAtomics

extension MemoryView {
  /// The table at the address in `entry`, or nil when the frame is outside the window.
  @inlinable
  package func table(linkedBy entry: UInt64) -> TableFrame? {
    let address = entry & EntryBits.address
    return address < byteCount ? TableFrame(validated: address) : nil
  }

  /// The host address of entry `index` modulo 512 of a table of this view.
  @inlinable
  package func pointer(_ table: TableFrame, _ index: Int) -> UnsafeMutableRawPointer {
    // SAFETY: the frame was checked to lie inside the window, and 512 words fill it.
    unsafe baseAddress + (Int(truncatingIfNeeded: table.address) | (index & 511) &<< 3)
  }

  @inlinable
  func entry(_ table: TableFrame, _ index: Int) -> UInt64 {
    // SAFETY: `pointer` answers only with aligned words inside the window.
    unsafe catomic_load_acquire(pointer(table, index))
  }

  /// Stores an entry that hardware does not write: an absent one, or one of an unlinked table.
  @inlinable
  package func setEntry(_ table: TableFrame, _ index: Int, _ entry: UInt64) {
    // SAFETY: `pointer` answers only with aligned words inside the window.
    unsafe catomic_store_release(pointer(table, index), entry)
  }

  @inlinable
  func exchangeEntry(_ table: TableFrame, _ index: Int, _ entry: UInt64) -> UInt64 {
    // SAFETY: `pointer` answers only with aligned words inside the window.
    unsafe catomic_exchange(pointer(table, index), entry)
  }

  /// Replaces `expected`, or puts what stands there into it.
  @inlinable
  func compareExchangeEntry(
    _ table: TableFrame, _ index: Int, _ expected: inout UInt64, _ desired: UInt64
  ) -> Bool {
    // SAFETY: `pointer` answers only with aligned words inside the window.
    unsafe catomic_compare_exchange(pointer(table, index), &expected, desired)
  }

  @inlinable
  func addBits(_ table: TableFrame, _ index: Int, _ bits: UInt64) {
    // SAFETY: `pointer` answers only with aligned words inside the window.
    _ = unsafe catomic_fetch_or(pointer(table, index), bits)
  }

  /// Zeroes the entries of `range` of a table that nothing links to yet.
  @inlinable
  package func clearUnlinked(_ table: TableFrame, _ range: Range<Int>) {
    guard range.lowerBound >= 0, range.upperBound <= 512, !range.isEmpty else { return }
    // SAFETY: the range lies in the frame, and no processor can reach an unlinked table.
    unsafe catomic_zero(pointer(table, range.lowerBound), UInt64(range.count) &* 8)
  }

  /// Changes the leaves among the entries of a level-1 table that no processor walks; answers how
  /// many there are.
  @inlinable
  func editUnwalked<Configuration: PageTableConfiguration>(
    _: Configuration.Type, _ table: TableFrame, _ range: Range<Int>, keeping kept: UInt64,
    setting set: UInt64
  ) -> UInt64 {
    guard range.lowerBound >= 0, range.upperBound <= 512 else { return 0 }
    // SAFETY: the range lies in the frame, and no processor walks the table.
    let words = unsafe (pointer(table, 0) + range.lowerBound &* 8)
      .assumingMemoryBound(to: UInt64.self)
    var count: UInt64 = 0
    for index in 0..<range.count {
      // SAFETY: `index` is below the count of a range inside the frame.
      let word = unsafe words[index]
      let isLeaf = Configuration.entryFormat.smallLeafCount(word)
      let change: UInt64 = 0 &- isLeaf
      // SAFETY: as above.
      unsafe words[index] = word & (kept | ~change) | set & change
      count &+= isLeaf
    }
    return count
  }

  /// Zeroes entries of a level-1 table that no processor walks; answers how many were leaves.
  @inlinable
  func clearUnwalked<Configuration: PageTableConfiguration>(
    _: Configuration.Type, _ table: TableFrame, _ range: Range<Int>
  ) -> UInt64 {
    guard range.lowerBound >= 0, range.upperBound <= 512 else { return 0 }
    // SAFETY: the range lies in the frame, and no processor walks the table.
    let words = unsafe (pointer(table, 0) + range.lowerBound &* 8)
      .assumingMemoryBound(to: UInt64.self)
    var count: UInt64 = 0
    for index in 0..<range.count {
      // SAFETY: `index` is below the count of a range inside the frame.
      let word = unsafe words[index]
      count &+= Configuration.entryFormat.smallLeafCount(word)
      // SAFETY: as above.
      unsafe words[index] = 0
    }
    return count
  }

  /// Fills entries of an unlinked table: the first gets `first`, each next one `step` more.
  @inlinable
  package func fillUnlinked(_ table: TableFrame, _ range: Range<Int>, first: UInt64, step: UInt64) {
    guard range.lowerBound >= 0, range.upperBound <= 512 else { return }
    let count = range.count
    // SAFETY: the range lies in the frame, and no processor can reach an unlinked table.
    let words = unsafe (pointer(table, 0) + range.lowerBound &* 8)
      .assumingMemoryBound(to: UInt64.self)
    var word = first
    for index in 0..<count {
      // SAFETY: `index` is below the count of a range inside the frame.
      unsafe words[index] = word
      word &+= step
    }
  }
}
