// The locks that every operation takes, recorded and judged.

import MMU
import TestSupport
import Testing

@testable import GuestMem

@Suite("Every operation takes locks in order and releases what it took")
struct LockedOperationTests {
  @Test("Every operation on tiny tables", arguments: [NodeLock.spin, .fair])
  func exploration(lock: NodeLock) throws {
    let operations = ExplorationTests.operations(
      pageCount: 8, levels: [.pageTable, .pageDirectory, .pageDirectoryPointerTable],
      sizes: [.largest, .exactly(.size4KiB)], wide: true)
    let found =
      switch lock {
      case .spin:
        try explore(
          Recorded<TinyPaging>.self, levels: .pageDirectoryPointerTable, frameCount: 24,
          operations: operations, limit: 60_000)
      case .fair:
        try explore(
          Recorded<Fair<TinyPaging>>.self, levels: .pageDirectoryPointerTable, frameCount: 24,
          operations: operations, limit: 60_000)
      }
    ExplorationTests().report(
      found, "locks, \(lock)", ExplorationTests.Coverage(3490, 60_164, depth: 2), isLimited: true)
    print("\(lock) locks: \(found.lockEventCount) events, \(found.unplacedCount) without a place")
    #expect(found.lockEventCount > 60_000)
    #expect(found.unplacedCount * 20 < found.lockEventCount)
  }

  @Test("Random operations on real formats", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func random(levels: Level) throws {
    let seed = TestSetting.seed ?? 2026
    for lock in [NodeLock.spin, .fair] {
      var eventCount = 0
      var unplacedCount = 0
      let failure =
        switch lock {
        case .spin:
          try runRandom(Recorded<NativePaging>.self, seed: seed, levels: levels, count: 6_000) {
            eventCount = $0.locks?.order.eventCount ?? 0
            unplacedCount = $0.locks?.unplacedCount ?? 0
          }
        case .fair:
          try runRandom(
            Recorded<Fair<NativePaging>>.self, seed: seed, levels: levels, count: 6_000
          ) {
            eventCount = $0.locks?.order.eventCount ?? 0
            unplacedCount = $0.locks?.unplacedCount ?? 0
          }
        }
      if let failure {
        Issue.record(
          """
          \(failure.message) after \(failure.operations.suffix(3))
          repeat with: KVMPT_SEED=\(seed) swift test --filter LockedOperationTests
          """)
      }
      print("\(lock) locks, \(levels.rawValue) levels: \(eventCount) events from seed \(seed)")
      #expect(eventCount > 4000)
      #expect(unplacedCount * 20 < eventCount)
    }
  }

  @Test("Whatever is refused, every lock that was taken is released", arguments: 0..<2)
  func errors(kind: Int) throws {
    if kind == 0 {
      try refuse(Recorded<NativePaging>.self)
    } else {
      try refuse(Recorded<Fair<NativePaging>>.self)
    }
  }

  func refuse<Configuration: PageTableConfiguration>(_: Configuration.Type) throws {
    let user = AllocationFailureTests.user
    var eventCount = 0
    // At every number of free frames until the operation succeeds.
    for operation in AllocationFailureTests.operations {
      for free in 0...40 as ClosedRange<UInt64> {
        var world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 60)
        #expect(world.step(.map(0, 1 << 18, to: 0, user, .largest), before: world.image) == nil)
        _ = try world.allocator.allocate(byteCount: (world.allocator.freeFrames - free) * 4096)
        let before = world.image
        let result = world.perform(operation)
        #expect(world.judgeLocks(before: before, after: world.image) == nil, "\(operation)")
        #expect(world.violations == [], "\(operation)")
        eventCount += world.locks?.order.eventCount ?? 0
        guard case .failed = result else { break }
      }
    }
    // What a body throws, from the lowest node that can be reached.
    var world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 60)
    #expect(world.step(.map(0, 1, to: 0, user, .largest), before: world.image) == nil)
    let image = world.image
    for level in Level.allCases where level <= .pageMapLevel4 {
      for step in 0..<4 {
        #expect(throws: EntryError.self) {
          try world.table.withEntry(
            for: linear(0), downTo: level, allocator: &world.allocator
          ) { (entry, _) throws(EntryError) in
            let below = try entry.lockChild()
            if step == 0 { _ = try below?.word(at: 512) }
            if step == 1 { _ = try entry.lockChild() }
            if step == 2 { _ = try entry.protect { (_) throws(EntryError) in throw .outOfFrames } }
            withExtendedLifetime(below) {}
            throw .foreignAllocator
          }
        }
        #expect(throws: PageTableError.cursorAtEnd) {
          try world.table.withCursor(
            linear(0), byteCount: 1 << 30, minimumLevel: level, allocator: &world.allocator
          ) { (cursor, allocator) throws(PageTableError) in
            if step > 0 { _ = try cursor.query() }
            if step > 1 { _ = try? cursor.jump(to: linear(1), allocator: &allocator) }
            throw .cursorAtEnd
          }
        }
        #expect(world.judgeLocks(before: image, after: world.image) == nil, "\(level) \(step)")
        #expect(world.violations == [])
      }
    }
    eventCount += world.locks?.order.eventCount ?? 0
    print("refused: \(eventCount) events, all released")
    #expect(eventCount > 200)
  }

  @Test("A guest that clears entries cannot reach the lock by way of the count")
  func clearedEntries() throws {
    var machine = try TestMachine()
    for _ in 0..<2200 {
      try machine.table.map(
        linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
        allocator: &machine.allocator)
      let (table, index, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
      machine.memory.view.storeWord(0, at: physical(table.address | UInt64(index) << 3))
      let state = machine.allocator.metadata.nodeState(of: table.frame)
      #expect(state.isFree && state.waiterCount == 0 && state.holder == nil)
    }
    try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
      (entry, _) throws(EntryError) in
      let isNone = entry.isNone
      #expect(isNone)
    }
  }
}
