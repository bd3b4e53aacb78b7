// The leaves and links that tables have beyond what was asked for.

import GuestMem
import MMU

extension ProbePlan {
  /// Plans a page of each leaf, of each link to a leaf and of each entry that is present and maps
  /// nothing, through which no page of a mapping goes.
  ///
  /// Those that were asked for are in the plan already, and so are those that a recursive slot
  /// should show. An exhaustive plan takes every 4 KiB page that is mapped and not asked for.
  mutating func addUnasked(
    in space: AddressSpace, _ shown: [ClosedRange<UInt64>], cr3: UInt64,
    configuration: PagingConfiguration, _ memory: ProbeMemory, _ extent: ProbeExtent
  ) {
    let tables = PageTables(cr3: cr3, configuration: configuration)
    let mapped = space.mappings.map { mapping in
      let first = mapping.linearAddress.rawValue
      return first...first &+ (mapping.byteCount &- 1)
    }
    let asked = (mapped + shown).sorted { $0.lowerBound < $1.lowerBound }
    var visitor = CoverageVisitor(
      UnaskedPlanner(plan: self, asked: asked, extent: extent), expandsSharedTables: false)
    tables.traverse(in: memory, &visitor)
    self = visitor.receiver.plan
    if extent == .exhaustive {
      var every = EveryPageVisitor(UnaskedPagePlanner(plan: self, asked: asked))
      tables.traverse(in: memory, &every)
      self = every.finished().plan
    }
  }
}

/// Adds what lies outside of all mappings.
private struct UnaskedPlanner: CoverageReceiver {
  var plan: ProbePlan
  /// The ranges of all mappings, in order and apart.
  let asked: [ClosedRange<UInt64>]
  /// The pages of leaves are added elsewhere when it is exhaustive.
  let extent: ProbeExtent
  /// The first of them that does not lie below the last address that was looked up.
  private var position = 0

  init(plan: ProbePlan, asked: [ClosedRange<UInt64>], extent: ProbeExtent) {
    self.plan = plan
    self.asked = asked
    self.extent = extent
  }

  /// Addresses come in order.
  private mutating func isAsked(_ range: ClosedRange<UInt64>) -> Bool {
    while position < asked.count, asked[position].upperBound < range.lowerBound { position += 1 }
    return position < asked.count && asked[position].overlaps(range)
  }

  func reluctance(_ size: PageSize, at physicalAddress: UInt64) -> Int { 0 }

  mutating func receiveLeaf(_ page: MappedRun) {
    guard extent == .reduced, !isAsked(page.linearAddress...page.lastAddress) else { return }
    plan.addPages(
      from: page.linearAddress, to: page.lastAddress & ~0xfff, of: .unasked,
      page.pageSize, further: page.pageSize.byteCount >> 12)
  }

  mutating func receiveLink(_ link: CoveredLink) {
    let last = link.leafAddress &+ (link.pageSize.byteCount &- 1)
    guard extent == .reduced, !isAsked(link.leafAddress...last) else { return }
    plan.pages.append(
      ProbePage(
        containing: link.leafAddress, subject: .unasked, pageSize: link.pageSize,
        furtherPageCount: link.pageCount - 1))
  }

  /// What is present and maps nothing faults otherwise than what is not present.
  mutating func receiveUnmapped(_ stretch: UnmappedStretch) {
    guard stretch.isPresent, !isAsked(stretch.first...stretch.last) else { return }
    plan.addPages(
      from: stretch.first, to: stretch.last & ~0xfff, of: .unasked, nil, further: 0)
  }
}
