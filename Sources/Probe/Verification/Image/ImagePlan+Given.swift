// Pages that another machine's plan has, for this machine.

import GuestMem
import MMU

extension ImagePlan {
  /// Takes these pages in place of its own; whether the machine has their physical addresses is
  /// looked up anew.
  ///
  /// The subjects stay those of the plan that the pages come from.
  mutating func take(
    _ given: ProbePlan, cr3: UInt64, configuration: PagingConfiguration, addressLimit: UInt64,
    in memory: ProbeMemory
  ) {
    plan = ProbePlan()
    for page in given.pages {
      guard page.pageSize != nil else {
        plan.pages.append(page)
        continue
      }
      var position: UInt64 = 0
      while position < page.pageCount {
        let address = page.linearAddress &+ position << 12
        let walk = Walk(address, cr3: cr3, configuration: configuration, in: memory)
        var part = page
        if page.standsForNeighbours {
          let span = (walk.end.pageSize ?? .size4KiB).byteCount
          let left = (span &- (address & (span &- 1))) >> 12
          part = page.part(from: position, count: min(left, page.pageCount &- position))
        }
        if case .page(let translation) = walk.end {
          let lastOffset = translation.pageSize.byteCount &- 1
          let isBeyond = translation.physicalAddress.rawValue | lastOffset >= addressLimit
          part.obstacle = isBeyond ? .noSuchPhysicalAddress : nil
        }
        append(part)
        position &+= part.pageCount
      }
    }
  }

  /// Takes a page into the plan, as one with those before it where all are probed alike.
  private mutating func append(_ page: ProbePage) {
    if let last = plan.pages.last?.joined(with: page) {
      plan.pages[plan.pages.count - 1] = last
    } else {
      plan.pages.append(page)
    }
  }
}

extension WalkEnd {
  /// The size of the page that the walk ends in, or nil where it ends in none.
  fileprivate var pageSize: PageSize? {
    guard case .page(let translation) = self else { return nil }
    return translation.pageSize
  }
}
