// The pages that somebody wants to be mapped, and that the tables do not map.

import MMU

extension ImagePlan {
  /// Plans what `expectation` asks for beyond the pages that are mapped.
  ///
  /// Of a mapping, each stretch that one entry leaves unmapped is probed at its two ends.
  mutating func add(
    _ expectation: ImageExpectation, cr3: UInt64, configuration: PagingConfiguration,
    in memory: ProbeMemory
  ) {
    var room = Self.gapLimit
    for (index, mapping) in expectation.space.mappings.enumerated() where mapping.byteCount > 0 {
      let last = mapping.linearAddress.rawValue &+ (mapping.byteCount &- 1)
      var address = mapping.linearAddress.rawValue
      while room > 0 {
        let walk = Walk(address, cr3: cr3, configuration: configuration, in: memory)
        let span = Self.span(of: walk.end)
        let end = min(last, address | (span &- 1))
        if case .page = walk.end {
        } else {
          room -= 1
          let ends: Set<UInt64> = [address & ~0xfff, end & ~0xfff]
          for page in ends.sorted() {
            plan.pages.append(ProbePage(containing: page, subject: .mapping(index)))
          }
        }
        if end >= last { break }
        address = end &+ 1
      }
    }
    for (index, expected) in expectation.space.expectations.enumerated() {
      plan.pages.append(
        ProbePage(
          exactly: expected.linearAddress,
          manners: ProbeManners(ProbeManner(expected.access, at: expected.privilege)),
          subject: .expectation(index)))
    }
  }

  /// The bytes around an address for which a walk ends in the same way.
  private static func span(of end: WalkEnd) -> UInt64 {
    switch end {
    case .page(let translation): translation.pageSize.byteCount
    case .notPresent(let level), .reservedBits(let level, _), .tableOutsideMemory(let level, _):
      level.span
    case .notCanonical: 4096
    }
  }
}
