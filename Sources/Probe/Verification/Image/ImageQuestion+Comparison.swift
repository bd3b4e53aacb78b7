// What somebody expects of an image, compared whole with its tables.

import GuestMem
import Inspection
import MMU

extension ImageQuestion {
  /// Compares what is expected with all that the tables map; nil where nothing is.
  ///
  /// `reasonToStop` is asked at every table.
  func comparison(
    with image: borrowing MemoryImage, _ copy: borrowing ImageTables,
    reasonToStop: @escaping () -> NotRunReason?
  ) -> RangeComparison? {
    guard let expectation else { return nil }
    let asked = expectation.askedRanges(pageAttributeTable: pageAttributeTable)
    let tables = PageTables(cr3: cr3, configuration: configuration)
    let end = copy.ranges.last.map { $0.physicalAddress + $0.byteCount } ?? 0
    // The copy has whole pages, as the machine has, but nothing that the machine cannot reach.
    guard image.segments.allSatisfy({ $0.end <= end }) else {
      return .between(
        asked, and: tables, in: image, pageAttributeTable: pageAttributeTable,
        reasonToStop: reasonToStop)
    }
    return .between(
      asked, and: tables, in: copy.original, pageAttributeTable: pageAttributeTable,
      reasonToStop: reasonToStop)
  }
}
