// All sequences of operations on tables so small that there are few states.

import GuestMem
import MMU
import TestSupport
import Testing

@Suite("Every sequence of operations keeps every contract")
struct ExplorationTests {
  /// `KVMPT_EXPLORE=complete` explores until there are no new states: four million transitions.
  static let isComplete = TestSetting.text("KVMPT_EXPLORE") == "complete"

  static let plain = PageProperties(rights: [.read, .write])
  static let user = PageProperties(rights: [.read, .execute], isUser: true)

  /// Every operation on every range of `pageCount` pages that `isWanted`.
  static func operations(
    pageCount: UInt64, levels: [Level], sizes: [PageSizeChoice], wide: Bool,
    isWanted: (_ page: UInt64, _ count: UInt64) -> Bool = { _, _ in true }
  ) -> [Operation] {
    var operations: [Operation] = []
    for page in 0..<pageCount {
      for count in 1...pageCount - page where isWanted(page, count) {
        for choice in sizes {
          operations.append(.map(page, count, to: page + 8, plain, choice))
          operations.append(.cursorMapRange(page, count, to: page + 8, user, choice))
        }
        operations.append(.map(page, count, to: page + 1, user, .largest))
        operations.append(.unmap(page, count))
        operations.append(.protect(page, count, PropertyChange(rights: [])))
        operations.append(.protect(page, count, PropertyChange(rights: .read, isUser: true)))
        operations.append(.take(page, count))
        operations.append(.protectNext(page, count, plain))
        operations.append(.find(page, count))
        operations.append(.cursorUnmap(page, count))
        operations.append(
          .cursorProtect(page, count, PropertyChange(rights: [.read, .write], isUser: false)))
      }
      for level in levels {
        operations.append(.split(page, level))
        operations.append(.collapse(page, level))
        operations.append(.allocate(page, level))
        operations.append(.replace(page, level, with: nil, plain))
        operations.append(.replace(page, level, with: page + 8, user))
        operations.append(.entryProtect(page, level, plain))
        operations.append(.cursorMap(page, level, to: page + 8, user))
        operations.append(.remap(page, level, to: page + 8, user))
      }
      if wide {
        operations.append(.hardware(page, 0x20))
        operations.append(.hardware(page, 0x60))
      }
    }
    return operations
  }

  /// What an ordinary run covers, which is the same on every machine.
  struct Coverage: Hashable {
    var stateCount: Int
    var transitionCount: Int
    /// Every sequence of so many operations.
    var depth: Int?

    init(_ stateCount: Int, _ transitionCount: Int, depth: Int?) {
      self.stateCount = stateCount
      self.transitionCount = transitionCount
      self.depth = depth
    }
  }

  /// Holds what an exploration covered against `expected`; one that goes on covers more.
  func report(_ found: Exploration, _ name: String, _ expected: Coverage, isLimited: Bool = false) {
    let reach = found.completeDepth.map { "every sequence of \($0) operations" } ?? "no new states"
    print(
      "\(name): \(found.stateCount) states, \(found.transitionCount) transitions, \(reach)")
    if let failure = found.failure { Issue.record("\(failure.message) after \(failure.path)") }
    let coverage = Coverage(
      found.stateCount, found.transitionCount, depth: found.completeDepth)
    if Self.isComplete && !isLimited {
      #expect(coverage.stateCount > expected.stateCount)
      #expect(coverage.transitionCount > expected.transitionCount)
      #expect(coverage.depth.map { $0 > expected.depth ?? 0 } != false)
    } else {
      #expect(coverage == expected, "\(name)")
    }
  }

  @Test("Four pages below three levels of two entries")
  func twoLevels() throws {
    let found = try explore(
      TinyPaging.self, levels: .pageDirectoryPointerTable, frameCount: 16,
      operations: Self.operations(
        pageCount: 4, levels: [.pageTable, .pageDirectory],
        sizes: [.largest, .exactly(.size4KiB), .exactly(.size2MiB)], wide: false),
      limit: Self.isComplete ? .max : TestSetting.depth(60_000, full: 500_000))
    report(
      found, "4 pages, 3 levels of 2 entries",
      TestSetting.depth(Coverage(2296, 60_134, depth: 2), full: Coverage(8_429, 500_118, depth: 3)))
  }

  @Test("Four pages below three levels of two entries, in the format of OSTD")
  func twoLevelsOSTD() throws {
    let found = try explore(
      TinyOSTDPaging.self, levels: .pageDirectoryPointerTable, frameCount: 16,
      operations: Self.operations(
        pageCount: 4, levels: [.pageTable, .pageDirectory],
        sizes: [.largest, .exactly(.size4KiB), .exactly(.size2MiB)], wide: true),
      limit: Self.isComplete ? 6_000_000 : 300_000)
    report(found, "OSTD, 4 pages, 3 levels of 2 entries", Coverage(11_015, 300_144, depth: 3))
  }

  @Test("Splits and collapses in strict order, in either format")
  func strictOrder() throws {
    let operations = Self.operations(
      pageCount: 4, levels: [.pageTable, .pageDirectory], sizes: [.largest], wide: true)
    // The states are those of the other order.
    for usesStrictOrder in [false, true] {
      let native = try explore(
        TinyPaging.self, levels: .pageDirectoryPointerTable, frameCount: 16,
        operations: operations, limit: 60_000, strictly: usesStrictOrder)
      report(
        native, "strict: \(usesStrictOrder)", Coverage(3935, 60_060, depth: 2), isLimited: true)
      let ostd = try explore(
        TinyTrackedOSTDPaging.self, levels: .pageDirectoryPointerTable, frameCount: 16,
        operations: operations, limit: 60_000, strictly: usesStrictOrder)
      report(
        ostd, "strict, OSTD: \(usesStrictOrder)", Coverage(4568, 60_060, depth: 2),
        isLimited: true)
    }
  }

  @Test("Two levels of four entries, in the format of OSTD")
  func fourEntriesOSTD() throws {
    let found = try explore(
      SmallOSTDPaging.self, levels: .pageDirectory, frameCount: 24,
      operations: Self.operations(
        pageCount: 8, levels: [.pageTable, .pageDirectory], sizes: [.largest], wide: true),
      limit: Self.isComplete ? 6_000_000 : 150_000)
    report(found, "OSTD, 8 pages, 2 levels of 4 entries", Coverage(11_843, 150_120, depth: 2))
  }

  @Test("Tables whose leaves own frames, with either meaning of the mark, in either format")
  func owningLeaves() throws {
    try owningLeaves(
      TinyTrackedPaging.self, "pages that own when marked", Coverage(11_291, 200_018, depth: 3))
    try owningLeaves(
      TinyTrackedOSTDPaging.self, "OSTD, pages that own unless marked",
      Coverage(10_894, 200_018, depth: 3))
  }

  /// Ranges map pages that own nothing; what is put in alone owns its frames.
  func owningLeaves<Configuration: PageTableConfiguration>(
    _: Configuration.Type, _ name: String, _ expected: Coverage
  ) throws {
    let found = try explore(
      Configuration.self, levels: .pageDirectoryPointerTable, frameCount: 16,
      operations: Self.operations(
        pageCount: 4, levels: [.pageTable, .pageDirectory], sizes: [.largest], wide: true),
      limit: Self.isComplete ? 6_000_000 : 200_000)
    report(found, name, expected)
  }

  @Test("Three levels of two entries, with accessed and dirty bits")
  func threeLevels() throws {
    let found = try explore(
      TinyPaging.self, levels: .pageDirectoryPointerTable, frameCount: 24,
      operations: Self.operations(
        pageCount: 8, levels: [.pageTable, .pageDirectory, .pageDirectoryPointerTable],
        sizes: [.largest, .exactly(.size4KiB)], wide: true),
      limit: Self.isComplete ? 6_000_000 : TestSetting.depth(60_000, full: 400_000))
    report(
      found, "8 pages, 3 levels of 2 entries",
      TestSetting.depth(Coverage(3490, 60_164, depth: 2), full: Coverage(18_196, 400_192, depth: 2))
    )
  }

  @Test("Four levels of two entries, where leaves are split twice")
  func fourLevels() throws {
    // Whole leaves of each size, and ranges across their borders.
    let found = try explore(
      TinyPaging.self, levels: .pageMapLevel4, frameCount: 40,
      operations: Self.operations(
        pageCount: 16, levels: [.pageDirectory, .pageDirectoryPointerTable], sizes: [.largest],
        wide: false
      ) { page, count in
        count.nonzeroBitCount == 1 && page % count == 0 && (page < 2 || count > 1)
          || count == 2 && page % 4 == 3
      },
      limit: Self.isComplete ? 6_000_000 : 150_000)
    report(found, "16 pages, 4 levels of 2 entries", Coverage(9_346, 150_416, depth: 2))
  }

  @Test("Two levels of four entries, with accessed and dirty bits")
  func fourEntries() throws {
    let found = try explore(
      SmallPaging.self, levels: .pageDirectory, frameCount: 24,
      operations: Self.operations(
        pageCount: 8, levels: [.pageTable, .pageDirectory], sizes: [.largest], wide: true),
      limit: Self.isComplete ? 6_000_000 : 300_000)
    report(found, "8 pages, 2 levels of 4 entries", Coverage(23_885, 300_240, depth: 2))
  }
}
