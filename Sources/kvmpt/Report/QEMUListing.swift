// QEMUListing: the leaves as QEMU's monitor command `info tlb` shows them.

import MMU

/// Writes one line for each page: `linear: physical XGPDACTUW`, with the leaf's own bits.
///
/// The first letter is set for XD. QEMU keeps bits 49:12 of an address, and of the third letter, P,
/// that it is a large page: the PAT bit, which stands there in a page of 4 KiB, is not shown.
struct QEMUListing: TableVisitor {
  let destination: ReportDestination
  let filter: (EntryVisit, TableVisit) -> Bool
  private var line = LineBuffer()

  init(
    to destination: ReportDestination, where filter: @escaping (EntryVisit, TableVisit) -> Bool
  ) {
    self.destination = destination
    self.filter = filter
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision { .enter }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    guard case .page = entry.kind, filter(entry, table) else { return .enter }
    line.append(digits: entry.linearAddress, width: 16)
    line.append(": ")
    line.append(digits: entry.entry.pageAddress.rawValue & 0x3_ffff_ffff_f000, width: 16)
    line.append(" ")
    var word = entry.entry.rawValue
    if entry.entry.level == .pageTable { word &= ~(1 << 7) }
    let letters: StaticString = "XGPDACTUW"
    let bits: InlineArray<9, UInt64> = [63, 8, 7, 6, 5, 4, 3, 2, 1]
    for index in 0..<9 {
      let isSet = word >> bits[index] & 1 != 0
      // SAFETY: the literal has nine bytes.
      line.append(byte: isSet ? unsafe letters.utf8Start[index] : 0x2d)
    }
    line.append("\n")
    line.drain(to: destination)
    return .enter
  }

  mutating func finish() { line.drain(to: destination, atLeast: 0) }
}
