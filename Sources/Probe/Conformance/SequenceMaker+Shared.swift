// Sequences about tables with several ways to them, and tables that lead to themselves.

import MMU

extension SequenceMaker {
  private static let pool = ConformanceTables.poolAddress
  private typealias Step = ConformanceSequence.Step

  func sharedTables() -> [ConformanceSequence] { twoParents() + recursion() }

  /// A table below two parents, at each level: the leaf's A and D belong to both, each parent's A
  /// to itself.
  private func twoParents() -> [ConformanceSequence] {
    let levels: [Level] = Level.allCases.filter { $0 > .pageTable && $0 <= rootLevel }
    return levels.map { level in
      var space = SequenceSpace(rootLevel: rootLevel)
      let first = address(1)
      space.map(first, to: Self.pool, 0x7, tableBits: 0x7)
      space.map(first + 0x1000, to: Self.pool + 0x1000, 0x5, tableBits: 0x7)
      let second = first + level.span
      let place = space.place(of: first, at: level) ?? space.root
      // The second parent forbids writes.
      space.put((space.words[place] ?? 0) & ~2, at: place + 8)
      let pages = [second, first, second + 0x1000, first + 0x1000]
      var steps: [Step] = []
      for access in [ConformanceAccess.read, .write, .fetch] {
        for privilege in PrivilegeLevel.allCases {
          for page in pages { steps.append(.access(access, privilege, [page], .current)) }
        }
      }
      return sequence("a table below two \(level.entryName)s", space, steps)
    }
  }

  /// A root entry that leads to the root itself: tables are read as pages, each level at the place
  /// of the one below, and a page appears by a write through the recursive entry.
  private func recursion() -> [ConformanceSequence] {
    var space = SequenceSpace(rootLevel: rootLevel)
    let index = 2
    let page = address(1)
    let leaf = space.map(page, to: Self.pool, Self.quiet)
    space.put(space.root | 0x63, at: space.root + UInt64(index) * 8)
    // With the index repeated in front, a walk ends as many levels earlier, at a table.
    let levels = Level.allCases.filter { $0 <= rootLevel }.reversed()
    let indices = levels.map { page >> $0.indexShift & 511 }
    let reads = (1...indices.count).map { count in
      let path = [UInt64](repeating: UInt64(index), count: count) + indices.dropLast(count)
      return address(0, zip(levels, path).reduce(0) { $0 | $1.1 << $1.0.indexShift })
    }
    let leafWord = space.words[leaf] ?? 0
    return [
      sequence(
        "a root that leads to itself", space,
        [
          .access(.read, .supervisor, reads, .current), .access(.read, .user, reads, .current),
          .access(.lockedOr, .supervisor, reads, .current),
          .access(.fetch, .user, reads, .current),
          .access(.read, .user, [page], .current),
          .store(leaf, leafWord ^ 4 << 20), .invalidate([page]),
          .access(.read, .supervisor, [page], .current),
          .access(.read, .user, [page], .current),
          .access(.read, .supervisor, reads, .current),
        ])
    ]
  }
}
