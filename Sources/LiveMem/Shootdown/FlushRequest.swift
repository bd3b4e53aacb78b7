// FlushRequest: which translations must go from a processor's caches.

/// The linear addresses whose translations a change made false.
///
/// It holds a few ranges, and everything as soon as they would be too many: flushing all costs less
/// than flushing many pages one by one.
public struct FlushRequest: Hashable, Sendable {
  /// The number of 4 KiB pages from which on everything is flushed.
  ///
  /// Source: OSTD flushes all from 32 pages on, as Linux does from 33 (tlb_single_page_flush_ceiling).
  public static let pageLimit: UInt64 = 32

  private var rangeList = RangeList()
  private var targetList = RangeList()
  /// Linear addresses as ranges of whole pages, sorted as they came; empty when everything goes.
  public var ranges: [Range<UInt64>] { rangeList.all }
  /// Where those translations led, as guest-physical ranges, for who takes them away from outside.
  public var targets: [Range<UInt64>] { targetList.all }
  /// True when every translation must go, of global pages as well.
  public private(set) var isEverything = false
  /// True when a table was unlinked, so that entries of upper levels which processors cache must go.
  ///
  /// INVLPG of one address below drops those that lead to it, in the current PCID.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.4.1.
  public private(set) var hasTables = false
  private var pageCount: UInt64 = 0
  /// True when `targets` is all memory.
  private var hasAllTargets = false

  /// Nothing.
  public init() {}

  /// True when nothing must go.
  public var isEmpty: Bool { rangeList.last == nil && !isEverything }

  /// Adds the pages of `range`, linear addresses as the tables number them.
  ///
  /// - Parameters:
  ///   - range: Whole pages.
  ///   - target: Where the first of them led; nil when none led anywhere.
  ///   - isTable: Whether a table was unlinked that decided them.
  public mutating func add(
    _ range: Range<UInt64>, to target: UInt64? = nil, isTable: Bool = false
  ) {
    hasTables = hasTables || isTable
    if let target { addTarget(target, byteCount: range.upperBound - range.lowerBound) }
    guard !isEverything else { return }
    if let last = rangeList.last, last.lowerBound <= range.lowerBound,
      range.upperBound <= last.upperBound
    {
      return
    }
    pageCount += (range.upperBound - range.lowerBound) >> 12
    guard pageCount <= Self.pageLimit else { return becomeEverything() }
    rangeList.append(range)
  }

  /// The number of target ranges from which on all memory is one.
  private static let targetLimit = 256

  private mutating func addTarget(_ start: UInt64, byteCount: UInt64) {
    guard !hasAllTargets else { return }
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    let range = start..<(overflow ? .max : end)
    if targetList.last != range { targetList.append(range) }
    if targetList.count > Self.targetLimit { addAllTargets() }
  }

  /// Adds every translation.
  public mutating func addEverything() {
    becomeEverything()
    addAllTargets()
  }

  private mutating func addAllTargets() {
    hasAllTargets = true
    targetList = RangeList()
    targetList.append(0..<(.max))
  }

  private mutating func becomeEverything() {
    isEverything = true
    rangeList = RangeList()
  }

  /// Adds what another request names.
  public mutating func add(_ other: FlushRequest) {
    hasTables = hasTables || other.hasTables
    if other.hasAllTargets { addAllTargets() }
    for target in other.targets {
      addTarget(target.lowerBound, byteCount: target.upperBound - target.lowerBound)
    }
    if other.isEverything { return becomeEverything() }
    for range in other.ranges { add(range) }
  }
}

/// Ranges in the order in which they came; one that begins where the last one ends is part of it.
///
/// The first one needs no memory: most requests have no other.
private struct RangeList: Hashable, Sendable {
  private var first: Range<UInt64>?
  private var others: [Range<UInt64>] = []

  var all: [Range<UInt64>] { first.map { [$0] + others } ?? [] }
  var last: Range<UInt64>? { others.last ?? first }
  var count: Int { first == nil ? 0 : 1 + others.count }

  mutating func append(_ range: Range<UInt64>) {
    guard let last else { return first = range }
    let isNext = last.upperBound == range.lowerBound
    let whole = isNext ? last.lowerBound..<range.upperBound : range
    if !isNext {
      others.append(whole)
    } else if others.isEmpty {
      first = whole
    } else {
      others[others.count - 1] = whole
    }
  }
}
