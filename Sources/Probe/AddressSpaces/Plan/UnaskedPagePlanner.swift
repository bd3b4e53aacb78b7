// Every page that is mapped and nobody asked for, for an exhaustive plan.

import MMU

/// Adds the parts of stretches that lie outside of all mappings.
struct UnaskedPagePlanner: EveryPageReceiver {
  private(set) var plan: ProbePlan
  /// The ranges of all mappings, in order and apart.
  private let asked: [ClosedRange<UInt64>]
  /// The first of them that does not lie below the last stretch.
  private var position = 0
  /// The plan takes no more stretches than this.
  private let limit: Int
  private var stretchCount = 0

  init(plan: ProbePlan, asked: [ClosedRange<UInt64>], limit: Int = 1 << 22) {
    self.plan = plan
    self.asked = asked
    self.limit = limit
  }

  var isFull: Bool { stretchCount >= limit }

  func group(of page: MappedRun) -> PageSize { page.pageSize }

  mutating func receive(_ stretch: PageStretch<PageSize>) {
    var first = stretch.first
    let last = first &+ (stretch.pageCount << 12 &- 1)
    while position < asked.count, asked[position].upperBound < first { position += 1 }
    var index = position
    while index < asked.count, asked[index].lowerBound <= last {
      if first < asked[index].lowerBound {
        add(first, to: asked[index].lowerBound - 1, stretch.group)
      }
      let end = asked[index].upperBound
      guard end < last else { return }
      first = end + 1
      index += 1
    }
    add(first, to: last, stretch.group)
  }

  /// Counts what was asked for too: where the pages are is not known any more.
  mutating func receive(_ counts: PageCounts, of group: PageSize) {
    plan.addUnplanned(counts.pageCount, of: .unasked)
  }

  private mutating func add(_ first: UInt64, to last: UInt64, _ size: PageSize) {
    guard !isFull else {
      plan.addUnplanned((last - first) >> 12 + 1, of: .unasked)
      return
    }
    stretchCount += 1
    plan.pages.append(
      ProbePage(
        containing: first, subject: .unasked, pageSize: size, obstacle: nil,
        pageCount: (last - first) >> 12 + 1))
  }
}
