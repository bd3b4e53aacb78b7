// Every schedule of a change and a guest that writes into the tables meanwhile: what an error says.

import GuestMem
import MMU
import Testing

@testable import LiveMem

@Suite("A guest writes into the tables during a change, every schedule")
struct InterruptedTests {
  private final class Counts {
    /// How often each stable name was the answer.
    var byAnswer: [String: Int] = [:]
    var schedules = 0
  }

  /// The entry that the guest writes into.
  private enum Place {
    /// That of the root for pages 0 to 3, which leads to a table.
    case root
    /// That below it for pages 2 and 3.
    case middle
  }

  /// The guest writes `word` into an entry, while the operation changes pages from page 1 on.
  private func explore<Configuration: TinyConfiguration>(
    _: Configuration.Type, start: [TinyOperation], _ operation: TinyOperation,
    at place: Place = .middle, word: UInt64, _ counts: Counts
  ) throws {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    let view = memory.view
    let result = Explorer {
      guard let world = try? TinyWorld<Configuration>(memory: view) else {
        return ([], { _ in "no memory for a table" })
      }
      for operation in start { _ = world.perform(operation, thread: 9) }
      let table = world.table
      guard
        (try? table.processors.activate(0)) != nil,
        let middle = table.places.child(of: table.places.load(table.root, 0), level: 3)
      else { return ([], { _ in "the start is not as it was meant" }) }
      let entry =
        place == .root ? table.places.word(table.root, 0) : table.places.word(middle, 1)
      let found = HardwareAccess.load(entry)
      let before = try? world.page(1)
      let answer = Answer()
      return (
        [
          { answer.error = interruptible(operation, world) },
          {
            // What it found at the start: a link that it overwrites is a table that it loses.
            var old = found
            _ = ScheduledAccess.compareExchange(entry, &old, word)
          },
        ],
        { isOver in
          guard isOver else { return nil }
          counts.byAnswer[answer.error?.id ?? "made", default: 0] += 1
          let after = try? world.page(1)
          let sent = table.processors.ticket().processors
          switch answer.error {
          case nil: break
          case .interrupted:
            if after == before && place == .middle {
              return "nothing has changed, and the error says otherwise"
            }
            // What went must be waited for, and a new page needs no flush.
            if before != nil && sent != [0] {
              return "what was made false was not sent"
            }
          case .some(let error):
            if after != before || !sent.isEmpty { return "\(error), and a part was changed" }
          }
          // The guest may have cut a table off; what was made below it is known by it.
          let cut = HardwareAccess.load(entry) == found || place == .middle ? nil : middle
          return frameProblem(world, cutOff: cut)
        }
      )
    }.explore()
    counts.schedules += result.schedules
    if let (text, schedule) = result.violation {
      Issue.record("\(operation), \(String(word, radix: 16)): \(text); schedule \(schedule)")
    }
    #expect(!result.isCut)
  }

  private final class Answer {
    var error: LiveTableError?
  }

  private func interruptible<Configuration: TinyConfiguration>(
    _ operation: TinyOperation, _ world: TinyWorld<Configuration>
  ) -> LiveTableError? {
    do throws(LiveTableError) {
      switch operation {
      case .unmap(let pages):
        try world.table.unmap(
          world.address(pages.lowerBound), byteCount: UInt64(pages.count) << 12)
      case .protect(let pages):
        try world.table.protect(
          world.address(pages.lowerBound), byteCount: UInt64(pages.count) << 12,
          change: PropertyChange(rights: [.read]))
      case .map(let pages, let target):
        // All that an entry of the root decides, so that the root is locked as well.
        _ = try world.table.withRange(world.address(0), byteCount: 4 << 12) {
          range throws(LiveTableError) in
          try range.map(
            world.address(pages.lowerBound), byteCount: UInt64(pages.count) << 12,
            to: GuestPhysicalAddress(truncating: UInt64(target) << 12),
            properties: PageProperties(rights: [.read]))
        }
      default: world.fail("no operation of this test")
      }
      return nil
    } catch {
      return error
    }
  }

  /// Every frame is a table that can be reached, free, or retired until it is free.
  private func frameProblem<Configuration: TinyConfiguration>(
    _ world: TinyWorld<Configuration>, cutOff: TableFrame?
  ) -> String? {
    if let violation = world.violation { return violation }
    world.table.processors.handleRequests(0) { _ in }
    for _ in 0..<3 { world.table.reclaim() }
    var reachable: [TableFrame] = []
    world.table.collectTables(world.table.root, level: 3, into: &reachable)
    if let cutOff { world.table.collectTables(cutOff, level: 2, into: &reachable) }
    for table in reachable where world.pool.metadata.nodeState(of: table.frame).isLocked {
      return "a table is locked at the end"
    }
    let known = UInt64(reachable.count) + world.pool.freeFrameCount
    return known == TinyWorld<Configuration>.frameCount
      && world.table.retiredFrameCount == 0
      ? nil : "of \(TinyWorld<Configuration>.frameCount) frames \(known) are known"
  }

  private func exploreAll<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type, _ name: String
  ) throws {
    let counts = Counts()
    // Absent, no entry of this level, and a link to a frame that is no table.
    for word: UInt64 in [0, 2, 23 << 12 | 7] {
      // A leaf for pages 2 and 3, which must be split.
      let split: [TinyOperation] = [.map(1..<2, target: 9), .map(2..<4, target: 12)]
      try explore(kind, start: split, .unmap(1..<3), word: word, counts)
      try explore(kind, start: split, .protect(1..<3), word: word, counts)
      // Nothing there yet.
      for target in [9, 10] {
        try explore(
          kind, start: [.map(0..<1, target: 8)], .map(1..<4, target: target), word: word, counts)
      }
    }
    // More tables are needed than were counted, so that frames run out below one that is new.
    try explore(
      kind, start: [.map(0..<1, target: 8)], .map(1..<4, target: 10), at: .root, word: 0, counts)
    print("\(name) and a guest that writes: \(counts.schedules) schedules, \(counts.byAnswer)")
    for answer in ["made", "invalid-entry", "interrupted"] {
      #expect(counts.byAnswer[answer, default: 0] > 0, "\(answer)")
    }
  }

  @Test("adv: a refusal has changed nothing, an interruption says so, and no frame is lost")
  func adv() throws { try exploreAll(TinyAdv.self, "adv") }

  @Test("rw: the same")
  func rw() throws { try exploreAll(TinyRW.self, "rw") }
}
