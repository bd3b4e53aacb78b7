// Sequences about translations that a processor may have kept.

import MMU

extension SequenceMaker {
  private static let pool = ConformanceTables.poolAddress
  private typealias Step = ConformanceSequence.Step

  func staleTranslations() -> [ConformanceSequence] {
    changedLeaves() + changedTables() + changedSizes() + [dirtyCleared()] + globalPages()
  }

  /// All of them used: what a processor may have kept, it has.
  private func everything(_ pages: [UInt64], _ freshness: ConformanceSequence.Freshness) -> [Step] {
    PrivilegeLevel.allCases.flatMap { privilege in
      [ConformanceAccess.read, .write, .fetch].map {
        Step.access($0, privilege, pages, freshness)
      }
    }
  }

  /// Everything is used; after a change, first without INVLPG and then with it; and so back.
  private func changedAndBack(
    _ pages: [UInt64], _ change: [Step], _ back: [Step]
  ) -> [Step] {
    var steps = everything(pages, .current)
    for changes in [change, back] {
      steps += changes
      steps += everything(pages, .currentOrStale)
      steps.append(.invalidate(pages))
      steps += everything(pages, .current)
    }
    return steps
  }

  /// What is changed in an entry.
  private static let changes: [(name: String, change: @Sendable (UInt64) -> UInt64)] = [
    ("R/W cleared", { $0 & ~2 }), ("U/S cleared", { $0 & ~4 }), ("P cleared", { $0 & ~1 }),
    ("XD set", { $0 | 1 << 63 }), ("the frame moved", { $0 ^ 4 << 20 }),
  ]

  /// A leaf is changed and changed back, each time first without INVLPG and then with it.
  private func changedLeaves() -> [ConformanceSequence] {
    [PageSize.size4KiB, .size2MiB].flatMap { size in
      Self.changes.map { change in
        var space = SequenceSpace(rootLevel: rootLevel)
        let page = address(1)
        let place = space.map(page, to: Self.pool, Self.quiet, size)
        let before = space.words[place] ?? 0
        let after = change.change(before)
        return sequence(
          "\(change.name) in the leaf of a \(size == .size4KiB ? "4 KiB" : "2 MiB") page", space,
          changedAndBack([page], [.store(place, after)], [.store(place, before)]))
      }
    }
  }

  /// The same with an entry that leads to a table: INVLPG forgets those as well.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.4.1 (INVLPG and paging-structure caches).
  private func changedTables() -> [ConformanceSequence] {
    let levels: [Level] = Level.allCases.filter { $0 > .pageTable && $0 <= rootLevel }
    return levels.flatMap { level in
      Self.changes.dropLast().map { change in
        var space = SequenceSpace(rootLevel: rootLevel)
        let page = address(1)
        space.map(page, to: Self.pool, Self.quiet)
        let place = space.place(of: page, at: level) ?? space.root
        let before = space.words[place] ?? 0
        return sequence(
          "\(change.name) in a \(level.entryName)", space,
          changedAndBack(
            [page], [.store(place, change.change(before))], [.store(place, before)]))
      }
    }
  }

  /// A 2 MiB page becomes a table of 4 KiB pages elsewhere, and a 2 MiB page again.
  private func changedSizes() -> [ConformanceSequence] {
    var space = SequenceSpace(rootLevel: rootLevel)
    let page = address(1)
    let place = space.map(page, to: Self.pool, Self.quiet, .size2MiB)
    let table = space.newTable()
    let pages = (0..<4 as Range<UInt64>).map { (index: UInt64) -> UInt64 in page + index << 12 }
    for index in 0..<4 as Range<UInt64> {
      // Every other page is read-only.
      let frame = Self.pool + (4 << 20) + index << 12
      space.put(frame | (index & 1 == 0 ? Self.quiet : Self.quiet & ~2), at: table + index * 8)
    }
    let large = space.words[place] ?? 0
    return [
      sequence(
        "a 2 MiB page becomes pages of 4 KiB and back", space,
        changedAndBack(pages, [.store(place, table | Self.quiet)], [.store(place, large)]))
    ]
  }

  /// D is cleared and must be set again once the translation is forgotten.
  private func dirtyCleared() -> ConformanceSequence {
    var space = SequenceSpace(rootLevel: rootLevel)
    let pages = [address(1), address(2)]
    let places = [
      space.map(pages[0], to: Self.pool, 0x7),
      space.map(pages[1], to: Self.pool + (2 << 20), 0x7, .size2MiB),
    ]
    let words = places.map { space.words[$0] ?? 0 }
    var steps: [Step] = []
    for privilege in PrivilegeLevel.allCases {
      steps.append(.access(.write, privilege, pages, .current))
      // A and D as they were at first: without INVLPG the processor need not set them again.
      for index in 0..<2 { steps.append(.store(places[index], words[index])) }
      steps.append(.access(.write, privilege, pages, .currentOrStale))
      for index in 0..<2 { steps.append(.store(places[index], words[index])) }
      steps += [
        .invalidate(pages), .access(.read, privilege, pages, .current),
        .access(.write, privilege, pages, .current),
      ]
      for index in 0..<2 { steps.append(.store(places[index], words[index])) }
      steps.append(.invalidate(pages))
    }
    return sequence("A and D are cleared", space, steps)
  }

  /// A global page and one that is not are moved: a load of CR3 forgets one of them for certain, a
  /// change of CR4.PGE both.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.4.1.
  private func globalPages() -> [ConformanceSequence] {
    [PageSize.size4KiB, .size2MiB].map { size in
      var space = SequenceSpace(rootLevel: rootLevel)
      let global = address(1)
      let local = address(2)
      let globalPlace = space.map(global, to: Self.pool, Self.quiet | 1 << 8, size)
      let localPlace = space.map(local, to: Self.pool, Self.quiet, size)
      let moved: UInt64 = 4 << 20
      let words = [globalPlace, localPlace].map { space.words[$0] ?? 0 }
      let both = [global, local]
      var steps = everything(both, .current)
      steps += [
        .store(globalPlace, words[0] ^ moved), .store(localPlace, words[1] ^ moved), .reloadCR3,
      ]
      steps += everything([local], .current)
      steps += everything([global], .currentOrStale)
      steps.append(.toggleGlobalPages)
      steps += everything(both, .current)
      steps += [
        .store(globalPlace, words[0]), .store(localPlace, words[1]), .invalidate(both),
      ]
      steps += everything(both, .current)
      return sequence(
        "global pages of \(size == .size4KiB ? "4 KiB" : "2 MiB"), CR3 and CR4.PGE", space, steps)
    }
  }
}
