// Every page of an image, through every path, for an exhaustive plan.

import MMU

extension ImagePlan {
  /// Plans every 4 KiB page that `tables` map, in at most `pageLimit` stretches, in place of what was
  /// planned.
  mutating func planEveryPage(of tables: PageTables, pageLimit: Int, in memory: ProbeMemory) {
    forgetPages(pageLimit: pageLimit)
    var visitor = EveryPageVisitor(self)
    tables.traverse(in: memory, &visitor)
    self = visitor.finished()
  }
}

/// What the pages of an image have in common that are planned as one.
struct ImagePageGroup: Hashable, Sendable {
  /// The index of their kind.
  let kind: Int
  /// The size of the leaf.
  let pageSize: PageSize
  /// Why they cannot be probed.
  let obstacle: NotRunReason?
}

extension ImagePlan: EveryPageReceiver {
  var isFull: Bool { plan.pages.count >= pageLimit }

  mutating func group(of page: MappedRun) -> ImagePageGroup {
    let physical = page.physicalAddress.rawValue
    return ImagePageGroup(
      kind: index(of: page, hasMemory: ranges.range(at: physical) != nil),
      pageSize: page.pageSize, obstacle: obstacle(to: physical, page.pageSize))
  }

  mutating func receive(_ stretch: PageStretch<ImagePageGroup>) {
    leafCounts[stretch.group.kind] &+= stretch.leafCount
    add(
      ProbePage(
        containing: stretch.first, subject: .kind(stretch.group.kind),
        pageSize: stretch.group.pageSize, obstacle: stretch.group.obstacle,
        pageCount: stretch.pageCount))
  }

  mutating func receive(_ counts: PageCounts, of group: ImagePageGroup) {
    leafCounts[group.kind] &+= counts.leafCount
    addUnplanned(counts.pageCount, of: .kind(group.kind))
  }
}
