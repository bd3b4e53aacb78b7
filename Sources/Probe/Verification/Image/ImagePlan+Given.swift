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
    plan = given
    for index in plan.pages.indices {
      let page = plan.pages[index]
      guard page.pageSize != nil else { continue }
      let walk = Walk(page.linearAddress, cr3: cr3, configuration: configuration, in: memory)
      guard case .page(let translation) = walk.end else { continue }
      let lastOffset = translation.pageSize.byteCount &- 1
      let isBeyond = translation.physicalAddress.rawValue | lastOffset >= addressLimit
      plan.pages[index].obstacle = isBeyond ? .noSuchPhysicalAddress : nil
    }
  }
}
