// The entry that should lead to the root, held against the one that is there.

import GuestMem
import MMU

extension RangeComparer {
  /// True when a range is that of the root entry whose addresses begin at `first`.
  func isRootEntry(_ range: AskedRange, _ first: UInt64) -> Bool {
    let span = summaries.tables.configuration.rootLevel.span
    return range.first == first && range.last == first &+ (span &- 1)
  }

  /// Compares the root entry at `index` with one that leads to the root.
  ///
  /// The entry is read as the one of a 4 KiB page, as a processor reads it for the page that shows
  /// the root, so that every bit counts besides A and D. What else the range shows follows from the
  /// other entries, which are compared where they belong.
  mutating func compareRecursive<Memory: PhysicalMemory & ~Copyable>(
    _ range: AskedRange, _ index: Int, of root: UInt64, in memory: borrowing Memory
  ) {
    guard case .recursive(var page) = range.content else { return }
    page.physicalAddress = root
    var asked = range
    asked.content = .recursive(page)
    let level = summaries.tables.configuration.rootLevel
    guard case .table = summaries.node(index, of: root, level: level, in: memory),
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: root &+ UInt64(index) &* 8))
    else {
      return add(RangeDifference(.notMapped, first: range.first, last: range.last, asked: asked))
    }
    let entry = PageTableEntry(word, at: .pageTable)
    let spread = FactSpread(PageFacts(entry))
    var properties = page.difference(from: spread).properties
    if entry.pageAddress.rawValue != root {
      properties.formUnion(RangeProperties(.physicalAddress))
    }
    guard !properties.isEmpty else { return }
    add(
      RangeDifference(
        .different, first: range.first, last: range.last, asked: asked,
        found: PageStatement(spread, physicalAddress: entry.pageAddress.rawValue),
        properties: properties))
  }
}
