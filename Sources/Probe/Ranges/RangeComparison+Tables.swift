// The entry points of the comparison of tables with tables.

public import GuestMem
public import Inspection
public import MMU

extension RangeComparison {
  /// Compares what two sets of tables map, over all levels, but for `properties`.
  ///
  /// - Complexity: O(*t*) in the number of tables of both, each counted for each level and each set
  ///   of rights that it is used with, and in the number of differences, up to ``keptCount``; not
  ///   in the number of pages.
  static func between<Memory: PhysicalMemory & ~Copyable>(
    _ left: PageTables, in leftMemory: borrowing Memory, and right: PageTables,
    in rightMemory: borrowing Memory, pageAttributeTable: UInt64,
    ignoring properties: RangeProperties = [],
    reasonToStop: @escaping () -> NotRunReason? = { nil }
  ) -> RangeComparison {
    var comparer = TablePairComparer(
      left, right, pageAttributeTable: pageAttributeTable, ignoring: properties,
      reasonToStop: reasonToStop)
    return comparer.run(leftMemory, rightMemory)
  }

  /// Compares what the tables of two memory images map, over all levels, but for `properties`.
  public static func between(
    _ left: PageTables, in leftImage: borrowing MemoryImage, and right: PageTables,
    in rightImage: borrowing MemoryImage, pageAttributeTable: UInt64,
    ignoring properties: RangeProperties = [], isCancelled: @escaping () -> Bool = { false }
  ) -> RangeComparison {
    between(
      left, in: leftImage, and: right, in: rightImage, pageAttributeTable: pageAttributeTable,
      ignoring: properties, reasonToStop: { isCancelled() ? .interrupted : nil })
  }
}
