// Many threads and one node: nobody is let in beside another, and nobody is left behind.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("Threads that lock one node exclude each other, in order if promised", .serialized)
struct LockStressTests {
  /// More threads than a small machine has processors.
  static let threadCount = 8

  @Test("Increments of a plain counter, and of the node's own count, are not lost")
  func exclusion() throws {
    try exclude(TinyPaging.self, rounds: 8_000, name: "spin")
    try exclude(Fair<TinyPaging>.self, rounds: 500, name: "fair")
  }

  func exclude<Configuration: PageTableConfiguration>(
    _: Configuration.Type, rounds: Int, name: String
  ) throws {
    let machine = try LockMachine<Configuration>()
    let failures = Atomic<Int>(0)
    let start = ContinuousClock.now
    withThreads(Self.threadCount) { thread in
      for round in 0..<rounds {
        do throws(EntryError) {
          var node = try machine.node.lock(patience: .seconds(60))
          let count = machine.word(0)
          // Every so often the holder loses its processor.
          if round % 64 == 0 { sched_yield() }
          machine.setWord(0, count + 1)
          // The holder's count of present entries, while others change the same word.
          if round % 4 == thread % 4 { try Self.toggle(&node, thread % 2) }
        } catch {
          failures.add(1, ordering: .relaxed)
        }
      }
    }
    let elapsed = ContinuousClock.now - start
    let count = Self.threadCount * rounds
    print("\(name) lock, \(Self.threadCount) threads: \(count) times held in \(elapsed)")
    #expect(failures.load(ordering: .relaxed) == 0)
    #expect(machine.word(0) == UInt64(count))
    var node = try machine.node.lock()
    let present = try (0..<2).count { (index) throws(EntryError) in try node.word(at: index) != 0 }
    #expect(node.presentCount == present)
    for index in 0..<2 where try node.word(at: index) != 0 { try Self.toggle(&node, index) }
    withExtendedLifetime(consume node) {}
    #expect(machine.isIdle)
  }

  /// Maps or unmaps a page in one entry.
  static func toggle<Configuration>(
    _ node: inout NodeGuard<Configuration>, _ index: Int
  ) throws(EntryError) {
    try node.withEntry(at: index) { (entry) throws(EntryError) in
      var child = Child<Configuration>.none
      if entry.isNone {
        child = .page(
          PageItem(
            untracked: physical(0x1000), level: .pageTable,
            properties: PageProperties(rights: .read)))
      }
      try entry.replace(with: &child)
    }
  }

  @Test("Threads that came one after the other are served in that order")
  func arrivalOrder() throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let rounds = 12
    for round in 0..<rounds {
      machine.setWord(0, 0)
      var threads: [WorkerThread] = []
      let held = machine.withLock(patience: .seconds(20)) {
        for number in 0..<18 as Range<UInt64> {
          threads.append(
            WorkerThread {
              let result = machine.withLock(patience: .seconds(60)) { machine.append(number) }
              if result != .locked { Issue.record("\(result)") }
            })
          // The 17th and the 18th find no place, and get one when the first two are served.
          if number < 16 {
            #expect(machine.wait { $0.waiterCount == Int(number) + 1 }, "round \(round)")
          }
        }
      }
      #expect(held == .locked)
      for thread in threads { thread.join() }
      let list = machine.list
      #expect(Array(list.prefix(16)) == Array(0..<16), "round \(round)")
      #expect(Set(list.dropFirst(16)) == [16, 17])
    }
    print("fair lock: \(rounds) times 16 threads in the exact order of their arrival")
  }

  @Test("Threads that never stop are served by the order of their places, and get equal shares")
  func saturation() throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let rounds = 300
    let metadata = machine.tables.metadata
    withThreads(Self.threadCount) { thread in
      for _ in 0..<rounds {
        guard
          case .taken(let place) = metadata.waitForLock(
            machine.frame, .fair, nanoseconds: 60_000_000_000)
        else {
          Issue.record("thread \(thread) gave up")
          return
        }
        machine.append(UInt64(thread) << 8 | (place ?? 0xff))
        if machine.word(0) % 64 == 0 { sched_yield() }
        machine.tables.unlock(machine.node.table)
      }
    }
    let list = machine.list
    #expect(list.count == Self.threadCount * rounds)
    let places = list.map { $0 & 0xff }.filter { $0 != 0xff }
    // Places are handed out by ascending number, so this is the order in which threads came.
    let isOrdered = zip(places, places.dropFirst()).allSatisfy { ($0 + 1) & 15 == $1 }
    #expect(isOrdered)
    // While all of them run, the others do not get far ahead of anybody.
    var counts = [Int](repeating: 0, count: Self.threadCount)
    for entry in list {
      counts[Int(entry >> 8)] += 1
      if counts.max() == rounds { break }
    }
    let least = counts.min() ?? 0
    print(
      "fair lock: \(places.count) of \(list.count) times after waiting, in the exact order of"
        + " places; when the first of \(counts.count) threads had \(rounds), the last had \(least)")
    #expect(places.count > list.count / 4 && least > 0)
  }

  @Test("Threads that give up at random leave the lock usable and nobody waiting")
  func abandonment() throws {
    let seed = TestSetting.seed ?? 2026
    print("abandonment: repeat with KVMPT_SEED=\(seed) swift test --filter LockStressTests")
    try abandon(TinyPaging.self, seed: seed, name: "spin")
    try abandon(Fair<TinyPaging>.self, seed: seed, name: "fair")
  }

  func abandon<Configuration: PageTableConfiguration>(
    _: Configuration.Type, seed: UInt64, name: String
  ) throws {
    let machine = try LockMachine<Configuration>()
    let served = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let wrong = Atomic<Int>(0)
    // More threads than there are places.
    withThreads(20) { thread in
      var generator = SeededGenerator(seed: seed &+ UInt64(thread) << 32)
      for round in 0..<150 {
        let patience = Duration.microseconds(
          generator.index(below: 4) == 0 ? 0 : generator.index(below: 2000))
        let held = generator.index(below: round % 10 == 0 ? 400 : 20)
        let result = machine.withLock(patience: patience) {
          let count = machine.word(0)
          let start = ContinuousClock.now
          while ContinuousClock.now - start < .microseconds(held) { sched_yield() }
          machine.setWord(0, count + 1)
        }
        switch result {
        case .locked: served.add(1, ordering: .relaxed)
        case .refused(.busy(_, .thisThread)), .refused(.stray): wrong.add(1, ordering: .relaxed)
        case .refused: refused.add(1, ordering: .relaxed)
        }
      }
    }
    let counts = (served.load(ordering: .relaxed), refused.load(ordering: .relaxed))
    print("\(name) lock, 20 threads: \(counts.0) times held, \(counts.1) times given up")
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(counts.0 > 0 && counts.1 > 0 && counts.0 + counts.1 == 3000)
    #expect(machine.word(0) == UInt64(counts.0))
    #expect(machine.isIdle, "\(machine.state)")
    #expect(machine.withLock(patience: .zero) {} == .locked)
  }
}
