// RangeComparison: what came of comparing two sides whole.

import GuestMem

/// The result of comparing every range that was asked for with all that is mapped.
public struct RangeComparison: Hashable, Sendable {
  /// The number of ranges that were asked for.
  public internal(set) var askedCount = 0
  /// The differences in the order of addresses, of which at most ``keptCount`` are kept.
  public internal(set) var differences: [RangeDifference] = []
  /// The mappings about which there are differences, kept or not, by index.
  public internal(set) var differingMappings: Set<Int> = []
  /// The number of differences, kept or not.
  public internal(set) var differenceCount = 0
  /// For each property, the number of ranges whose source does not say it, or not all of it.
  public internal(set) var notCompared: [RangeProperty: Int] = [:]
  /// Where the comparison was left off, and why; nil when it came to its end.
  public internal(set) var unfinished: UnfinishedRanges?
  /// The number of entries that were looked at: what it cost.
  public internal(set) var visitedEntryCount: UInt64 = 0
  /// IA32_PAT, by which memory types have their names.
  public internal(set) var pageAttributeTable = PageAttributeTable.standard

  /// So many differences are kept in full; all are counted.
  public static let keptCount = 10_000

  /// Nothing was asked for and nothing compared.
  public init() {}

  /// True when everything was compared and nothing differs.
  public var isAgreement: Bool { differenceCount == 0 && unfinished == nil }
  /// The number of differences that are counted but not kept.
  public var droppedCount: Int { differenceCount - differences.count }

  mutating func add(_ difference: RangeDifference) {
    differenceCount += 1
    if let mapping = difference.asked?.mapping { differingMappings.insert(mapping) }
    if differences.count < Self.keptCount { differences.append(difference) }
  }
}

/// Ranges that could not be compared.
public struct UnfinishedRanges: Hashable, Sendable {
  /// Nothing at this address and above was compared.
  public let linearAddress: UInt64
  /// The number of ranges that were asked for and not compared to their end.
  public let rangeCount: Int
  /// Why.
  public let reason: NotRunReason
}

extension RangeComparison {
  /// Counts what the sources of `ranges` do not say about pages that are asked for.
  mutating func countUnsaid(_ ranges: [AskedRange]) {
    var counts: [RangeProperties: Int] = [:]
    for range in ranges {
      switch range.content {
      case .mapped(let page): counts[page.unsaid(in: pageAttributeTable), default: 0] += 1
      case .unsaid: counts[.all, default: 0] += 1
      case .absent, .recursive: break
      }
    }
    for (properties, count) in counts {
      for property in properties.properties { notCompared[property, default: 0] += count }
    }
  }

  /// The ranges in the order of addresses, each address in one of them.
  ///
  /// Where two overlap the one that begins first stays; it is a difference where they contradict.
  mutating func withoutOverlaps(_ ranges: [AskedRange]) -> [AskedRange] {
    let sorted = ranges.enumerated().sorted {
      ($0.element.first, $0.offset) < ($1.element.first, $1.offset)
    }
    var result: [AskedRange] = []
    result.reserveCapacity(sorted.count)
    for (_, range) in sorted {
      guard let previous = result.last, previous.last >= range.first else {
        result.append(range)
        continue
      }
      let last = min(previous.last, range.last)
      let common = range.part(range.first, last)
      let other = previous.part(range.first, last)
      if common.content != other.content {
        var found: PageStatement?
        if case .mapped(let page) = common.content { found = page }
        add(
          RangeDifference(
            .askedTwice, first: range.first, last: last, asked: other, found: found))
      }
      if range.last > last { result.append(range.part(last + 1, range.last)) }
    }
    return result
  }
}
