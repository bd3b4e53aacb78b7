// Neighbouring pages that stand in a plan as one, because all of them are probed alike.

extension ProbePage {
  /// The number of pages that are probed: 1, or that of the neighbours.
  public var pageCount: UInt64 {
    guard standsForNeighbours else { return 1 }
    let (count, isTooMuch) = furtherPageCount.addingReportingOverflow(1)
    return isTooMuch ? .max : count
  }

  /// One of the pages, by its position.
  func single(_ position: UInt64) -> ProbePage {
    guard standsForNeighbours else { return self }
    return part(from: position, count: 1)
  }

  /// Some of the neighbours, which are probed as all of them.
  func part(from position: UInt64, count: UInt64) -> ProbePage {
    ProbePage(
      containing: linearAddress &+ position << 12, manners: manners, subject: subject,
      pageSize: pageSize, obstacle: obstacle, pageCount: count)
  }

  /// These pages and those of `next` as one, or nil where they are no neighbours that are probed
  /// alike.
  func joined(with next: ProbePage) -> ProbePage? {
    guard standsForNeighbours, next.standsForNeighbours, next.manners == manners,
      next.subject == subject, next.pageSize == pageSize, next.obstacle == obstacle,
      linearAddress &+ pageCount << 12 == next.linearAddress
    else { return nil }
    return part(from: 0, count: pageCount &+ next.pageCount)
  }
}
