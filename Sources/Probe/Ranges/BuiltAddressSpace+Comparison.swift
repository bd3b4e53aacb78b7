// What a built address space asks for, compared whole with its tables.

import GuestMem
import MMU

extension BuiltAddressSpace {
  /// Compares what was asked for with the tables as they stand now.
  ///
  /// What they map and nobody asked for is a difference. `reasonToStop` is asked at every table.
  ///
  /// - Complexity: that of ``RangeComparison/between(_:and:in:pageAttributeTable:isCancelled:)``.
  borrowing func comparison(reasonToStop: @escaping () -> NotRunReason?) -> RangeComparison {
    // A leaf that the machine lacks is a leaf all the same.
    var configuration = configuration
    configuration.supports1GiBPages = true
    return RangeComparison.between(
      space.askedRanges(placements: placements, pageAttributeTable: pageAttributeTable),
      and: PageTables(cr3: cr3, configuration: configuration), in: physicalMemory,
      pageAttributeTable: pageAttributeTable, reasonToStop: reasonToStop)
  }
}
