// The pages that somebody wants to be mapped, and that the tables do not map.

import MMU

extension ImagePlan {
  /// Plans what `expectation` asks for beyond the pages that are mapped.
  ///
  /// Of a mapping, its two ends are probed where they are not mapped, and so are the two ends of each
  /// stretch of it that one table leaves unmapped.
  ///
  /// - Complexity: that of the tables and mappings, however many pages there are.
  mutating func add(
    _ expectation: ImageExpectation, cr3: UInt64, configuration: PagingConfiguration,
    in memory: ProbeMemory
  ) {
    let asked = expectation.space.mappings.enumerated().filter { $0.element.byteCount > 0 }
      .map { index, mapping in
        let first = mapping.linearAddress.rawValue
        return AskedStretch(first: first, last: first &+ (mapping.byteCount &- 1), index: index)
      }.sorted { $0.first < $1.first }
    for stretch in asked {
      for page in Set([stretch.first & ~0xfff, stretch.last & ~0xfff]).sorted() {
        let walk = Walk(page, cr3: cr3, configuration: configuration, in: memory)
        if case .page = walk.end { continue }
        add(ProbePage(containing: page, subject: .mapping(stretch.index)))
      }
    }
    addInner(asked)
    for (index, expected) in expectation.space.expectations.enumerated() {
      plan.pages.append(
        ProbePage(
          exactly: expected.linearAddress,
          manners: ProbeManners(ProbeManner(expected.access, at: expected.privilege)),
          subject: .expectation(index)))
    }
  }

  /// The ends of unmapped stretches that are no ends of what is asked for.
  ///
  /// What is asked for is in order and apart, and so is what is unmapped.
  private mutating func addInner(_ asked: [AskedStretch]) {
    var position = 0
    for stretch in unmapped {
      while position < asked.count, asked[position].last < stretch.first { position += 1 }
      var index = position
      while index < asked.count, asked[index].first <= stretch.last {
        let wanted = asked[index]
        let first = max(wanted.first, stretch.first) & ~0xfff
        let last = min(wanted.last, stretch.last) & ~0xfff
        for page in Set([first, last]).sorted()
        where page != wanted.first & ~0xfff && page != wanted.last & ~0xfff {
          add(ProbePage(containing: page, subject: .mapping(wanted.index)))
        }
        index += 1
      }
    }
  }
}

/// The addresses of a mapping that somebody asks for.
private struct AskedStretch {
  let first: UInt64
  let last: UInt64
  let index: Int
}
