// Every schedule of a thread that changes tables and a processor that runs on them.

import GuestMem
import MMU
import Testing

@testable import LiveMem

/// What the thread that changes the tables does; after each change it waits for the processor, and
/// what was removed is released.
private enum Change {
  case unmap(Range<Int>)
  case remap(Range<Int>, target: Int)
  case protect(Range<Int>)
  /// Maps pages where nothing was.
  case map(Range<Int>, target: Int)
  case reclaim
}

@Suite("A processor with caches, every schedule")
struct ProcessorTests {
  private final class Counter {
    var keptUses = 0
    var dirtyRemoved = 0
  }

  /// Explores the changes against a processor's accesses; `syncs` says whether the thread waits.
  private func explore<Configuration: TinyConfiguration>(
    _: Configuration.Type, start: [TinyOperation], _ changes: [Change],
    accesses: [(page: Int, writes: Bool)], handles: Bool = true, syncs: Bool = true,
    counter: Counter = Counter()
  ) throws -> ExplorationResult {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    let view = memory.view
    return Explorer {
      guard let world = try? TinyWorld<Configuration>(memory: view) else {
        return ([], { _ in "no memory for a table" })
      }
      let processor = TinyProcessor(world)
      for operation in start {
        _ = world.perform(operation, thread: 9)
        if case .map(let pages, let target) = operation {
          for page in pages {
            processor.allowed[page, default: []].insert(target + page - pages.lowerBound)
          }
        }
      }
      let dirty = DirtyPages()
      let editor: () -> Void = {
        for change in changes {
          perform(change, world, processor, dirty, syncs: syncs)
        }
      }
      let runner: () -> Void = {
        processor.activate()
        for access in accesses {
          processor.access(access.page, writes: access.writes)
          if handles { processor.handleRequests() }
        }
        processor.deactivate()
      }
      return (
        [editor, runner],
        { isOver in
          guard isOver else { return world.problem() }
          counter.keptUses += processor.keptUses
          counter.dirtyRemoved += dirty.targets.count
          return world.finalProblem() ?? lostDirt(world, processor, dirty)
        }
      )
    }.explore()
  }

  private final class DirtyPages {
    var targets: Set<Int> = []
  }

  private func perform<Configuration: TinyConfiguration>(
    _ change: Change, _ world: TinyWorld<Configuration>,
    _ processor: TinyProcessor<Configuration>, _ dirty: DirtyPages, syncs: Bool
  ) {
    func address(_ pages: Range<Int>) -> LinearAddress { world.address(pages.lowerBound) }
    func allow(_ pages: Range<Int>, _ target: Int) {
      for page in pages {
        processor.allowed[page, default: []].insert(target + page - pages.lowerBound)
      }
    }
    let properties = PageProperties(rights: [.read, .write, .execute])
    var removed: [Int] = []
    let note: (RemovedPage) -> Void = { page in
      let span: UInt64 = page.level == .pageTable ? 1 : 2
      let first = Int((page.entry & EntryBits.address) >> 12 & ~(span - 1))
      for target in first..<first + Int(span) {
        removed.append(target)
        if page.isDirty { dirty.targets.insert(target) }
      }
    }
    do {
      let ticket: FlushTicket
      switch change {
      case .reclaim:
        world.table.reclaim()
        return
      case .map(let pages, let target):
        allow(pages, target)
        try world.table.map(
          address(pages), byteCount: UInt64(pages.count) << 12,
          to: GuestPhysicalAddress(truncating: UInt64(target) << 12), properties: properties)
        return
      case .unmap(let pages):
        ticket =
          try world.table.unmap(
            address(pages), byteCount: UInt64(pages.count) << 12, visit: note
          ).ticket
      case .remap(let pages, let target):
        allow(pages, target)
        ticket =
          try world.table.withRange(address(pages), byteCount: UInt64(pages.count) << 12) {
            range throws(LiveTableError) in
            try range.unmap(address(pages), byteCount: UInt64(pages.count) << 12, visit: note)
            try range.map(
              address(pages), byteCount: UInt64(pages.count) << 12,
              to: GuestPhysicalAddress(truncating: UInt64(target) << 12), properties: properties)
          }.ticket
      case .protect(let pages):
        ticket =
          try world.table.protect(
            address(pages), byteCount: UInt64(pages.count) << 12,
            change: PropertyChange(rights: [.read, .execute])
          ).ticket
      }
      if syncs { try world.table.sync(ticket) }
      if case .protect(let pages) = change {
        processor.release(removed, readOnly: pages)
      } else {
        processor.release(removed)
      }
    } catch {
      world.fail("\(error)")
    }
  }

  /// A physical page that was written is dirty in an entry, or was dirty when it was removed.
  private func lostDirt<Configuration: TinyConfiguration>(
    _ world: TinyWorld<Configuration>, _ processor: TinyProcessor<Configuration>,
    _ dirty: DirtyPages
  ) -> String? {
    var found = dirty.targets
    for page in 0..<8 {
      guard let mapped = try? world.table.translate(world.address(page)),
        mapped.properties.isDirty
      else { continue }
      found.insert(Int(mapped.physicalAddress.rawValue >> 12))
    }
    let lost = processor.written.subtracting(found)
    return lost.isEmpty ? nil : "physical pages \(lost.sorted()) were written and are not dirty"
  }

  private static let accesses: [[(page: Int, writes: Bool)]] = [
    [(0, false), (0, false)], [(0, true), (0, true)], [(0, false), (0, true)],
    [(0, true), (1, true)],
  ]

  private static let changes: [[Change]] = [
    [.unmap(0..<1)], [.unmap(0..<2)], [.unmap(0..<4)],
    [.remap(0..<1, target: 20)], [.remap(0..<2, target: 20)],
    [.protect(0..<1)], [.protect(0..<2)],
    // The frames of tables are used again as soon as they may be.
    [.unmap(0..<2), .reclaim, .reclaim, .map(2..<3, target: 22), .map(0..<1, target: 18)],
    [.unmap(0..<4), .reclaim, .reclaim, .map(4..<5, target: 22)],
  ]

  private static let starts: [[TinyOperation]] = [
    [.map(0..<1, target: 9)],
    [.map(0..<1, target: 9), .map(1..<2, target: 12), .map(3..<4, target: 15)],
    [.map(0..<2, target: 8)],
    // A table without pages, which a walk finds all the same.
    [.map(0..<1, target: 9), .unmap(0..<1)],
  ]

  private func exploreAll<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type
  ) throws -> (ExplorationResult, Counter) {
    let counter = Counter()
    var total = ExplorationResult()
    for start in Self.starts {
      for changes in Self.changes {
        for accesses in Self.accesses {
          let result = try explore(
            kind, start: start, changes, accesses: accesses, counter: counter)
          total.schedules += result.schedules
          total.steps += result.steps
          if let (text, schedule) = result.violation {
            Issue.record("\(start) \(changes) \(accesses): \(text); schedule \(schedule)")
            return (total, counter)
          }
          #expect(!result.isCut)
        }
      }
    }
    return (total, counter)
  }

  @Test("adv: nothing stale after sync, no D bit lost, no table used again too early")
  func advProcessor() throws {
    let (result, counter) = try exploreAll(TinyAdv.self)
    print("adv and a processor: \(result.schedules) schedules, \(result.steps) steps")
    #expect(result.schedules > 15_000)
    #expect(counter.keptUses > 0 && counter.dirtyRemoved > 0)
  }

  @Test("rw: the same")
  func rwProcessor() throws {
    let (result, counter) = try exploreAll(TinyRW.self)
    print("rw and a processor: \(result.schedules) schedules, \(result.steps) steps")
    #expect(result.schedules > 15_000)
    #expect(counter.keptUses > 0 && counter.dirtyRemoved > 0)
  }

  @Test("Without waiting for the processor a stale translation is seen")
  func withoutSync() throws {
    let result = try explore(
      TinyAdv.self, start: Self.starts[1], [.unmap(0..<1)],
      accesses: [(0, false), (0, false)], syncs: false)
    #expect(result.violation?.text.contains("was released") == true)
  }
}
