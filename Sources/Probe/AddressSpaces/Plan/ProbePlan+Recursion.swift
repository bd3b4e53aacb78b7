// The pages of a recursive slot: every table and large page that it shows, and the pages beside them.

import MMU

extension ProbePlan {
  /// Plans each page that the slot's range should show, and the ones before and behind it where
  /// nothing should be.
  mutating func addPages(
    of recursion: AskedRecursion, shown: [ClosedRange<UInt64>], _ extent: ProbeExtent,
    walk: (UInt64) -> WalkEnd
  ) {
    var previous: UInt64?
    for (position, page) in shown.enumerated() {
      let before = page.lowerBound &- 0x1000
      if page.lowerBound > recursion.range.lowerBound, previous ?? 0 < before {
        addAbsent(before)
        previous = before
      }
      recursivePageCount += addPages(
        from: page.lowerBound, to: page.upperBound & ~0xfff, of: .recursiveSlot, extent,
        walk: walk)
      previous = page.upperBound
      let next = page.upperBound &+ 1
      guard page.upperBound < recursion.range.upperBound,
        position + 1 == shown.count || shown[position + 1].lowerBound != next
      else { continue }
      addAbsent(next)
      previous = next | 0xfff
    }
  }

  private mutating func addAbsent(_ address: UInt64) {
    pages.append(ProbePage(containing: address, subject: .gap(nearMapping: -1)))
  }
}
