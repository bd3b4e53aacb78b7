// The entry points of the comparison: ranges against tables, and ranges against ranges.

public import GuestMem
public import Inspection
public import MMU

extension RangeComparison {
  /// Compares what was asked for with what `tables` map in `memory`.
  ///
  /// What is mapped and nobody asked for is a difference. `reasonToStop` is asked at every table.
  ///
  /// - Complexity: O(*r* log *r* + *t*) in the number of ranges and of tables, each table counted
  ///   for each level that it is used at; not in the number of pages.
  static func between<Memory: PhysicalMemory & ~Copyable>(
    _ asked: [AskedRange], and tables: PageTables, in memory: borrowing Memory,
    pageAttributeTable: UInt64, reasonToStop: @escaping () -> NotRunReason? = { nil }
  ) -> RangeComparison {
    var comparer = RangeComparer(
      asked, tables, pageAttributeTable: pageAttributeTable, reasonToStop: reasonToStop)
    return comparer.run(in: memory)
  }

  /// Compares what was asked for with what the tables of a memory image map.
  public static func between(
    _ asked: [AskedRange], and tables: PageTables, in image: borrowing MemoryImage,
    pageAttributeTable: UInt64, isCancelled: @escaping () -> Bool = { false }
  ) -> RangeComparison {
    between(asked, and: tables, in: image, pageAttributeTable: pageAttributeTable) {
      isCancelled() ? .interrupted : nil
    }
  }

  /// Compares what two sources say; what one of them does not say is not compared.
  ///
  /// - Complexity: O(*n* log *n*) in the number of ranges.
  public static func between(
    _ left: [AskedRange], and right: [AskedRange], pageAttributeTable: UInt64
  ) -> RangeComparison {
    var result = RangeComparison()
    result.pageAttributeTable = pageAttributeTable
    result.askedCount = left.count
    var old = result.withoutOverlaps(left)
    var new = result.withoutOverlaps(right)
    result.leaveOutTables(listedBy: new, &old)
    result.leaveOutTables(listedBy: old, &new)
    var comparer = ListComparer(left: old, right: new, result: result)
    comparer.run()
    return comparer.result
  }
}

extension RangeComparison {
  /// Says nothing of the range of a recursive slot whose tables `other` lists page by page: where they
  /// stand is not said by the slot.
  fileprivate mutating func leaveOutTables(
    listedBy other: [AskedRange], _ ranges: inout [AskedRange]
  ) {
    guard let slot = ranges.firstIndex(where: { $0.isRecursive }),
      other.contains(where: {
        $0.first <= ranges[slot].last && ranges[slot].first <= $0.last && $0.page != nil
          && !$0.isRecursive
      })
    else { return }
    ranges[slot].content = .unsaid
    for property in RangeProperty.allCases { notCompared[property, default: 0] += 1 }
  }
}

/// Goes through two lists at once.
private struct ListComparer {
  var left: [AskedRange]
  var right: [AskedRange]
  var result: RangeComparison
  private var joiner = DifferenceJoiner()
  private var (i, j) = (0, 0)

  init(left: [AskedRange], right: [AskedRange], result: RangeComparison) {
    self.left = left
    self.right = right
    self.result = result
  }

  mutating func run() {
    while i < left.count || j < right.count {
      let first = min(
        i < left.count ? left[i].first : .max, j < right.count ? right[j].first : .max)
      var last = UInt64.max
      var old: AskedRange?
      var new: AskedRange?
      if i < left.count {
        if left[i].first == first {
          last = min(last, left[i].last)
          old = left[i]
        } else {
          last = min(last, left[i].first - 1)
        }
      }
      if j < right.count {
        if right[j].first == first {
          last = min(last, right[j].last)
          new = right[j]
        } else {
          last = min(last, right[j].first - 1)
        }
      }
      compare(old?.part(first, last), new?.part(first, last), first, last)
      if old != nil { Self.cut(&left, &i, upTo: last) }
      if new != nil { Self.cut(&right, &j, upTo: last) }
    }
    joiner.finish(&result)
  }

  private static func cut(_ list: inout [AskedRange], _ index: inout Int, upTo last: UInt64) {
    if list[index].last <= last {
      index += 1
    } else {
      list[index] = list[index].part(last + 1, list[index].last)
    }
  }

  private mutating func compare(
    _ old: AskedRange?, _ new: AskedRange?, _ first: UInt64, _ last: UInt64
  ) {
    if old?.content == .unsaid || new?.content == .unsaid { return }
    let (before, after) = (old?.page, new?.page)
    let difference: RangeDifference
    switch (before, after) {
    case (nil, nil): return
    case (_?, nil):
      difference = RangeDifference(.notMapped, first: first, last: last, asked: old)
    case (nil, let after?):
      difference = RangeDifference(
        old == nil ? .notAsked : .mustNotBeMapped, first: first, last: last, asked: old,
        found: after)
    case (let before?, let after?):
      let (properties, unknown) = before.comparison(
        with: after, pageAttributeTable: result.pageAttributeTable)
      for property in unknown.properties { result.notCompared[property, default: 0] += 1 }
      if properties.isEmpty { return }
      difference = RangeDifference(
        .different, first: first, last: last, asked: old, found: after, properties: properties)
    }
    joiner.add(difference, to: &result)
  }
}
