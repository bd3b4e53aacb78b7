// Real threads, more of them than processors, on one table.

import CLinux
import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import LiveMem

@Suite("Many threads on one table", .serialized)
struct StressTests {
  /// What happened, summed up over the threads.
  private final class Counts: Sendable {
    let operations = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let problems = Mutex<[String]>([])

    func fail(_ text: String) { problems.withLock { if $0.count < 5 { $0.append(text) } } }
  }

  /// Each thread has pages of its own among those of the others, of which it knows everything, and
  /// all change the same ranges, of which nobody knows more than that a page is whole.
  private func stress<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type, threads: Int, operations: Int
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>(frames: 1024)
    let table = space.table
    let counts = Counts()
    let isOver = Atomic<Bool>(false)
    let seed = TestSetting.seed ?? 0x15_57e5
    let hardware = WorkerThread {
      // What a processor does: sets A and D in leaves, by locked operations that check again.
      var random = SeededGenerator(seed: seed &+ 99)
      while !isOver.load(ordering: .acquiring) {
        guard let pin = try? table.epochs.pin() else { continue }
        var node = table.root
        var level = table.tables.rootLevel
        while let child = table.places.child(
          of: table.places.load(node, level == 2 ? Int(random.below(4)) : 0), level: level)
        {
          node = child
          level -= 1
        }
        let word = table.places.word(node, Int(random.below(512)))
        var entry = HardwareAccess.load(word)
        if case .leaf = EntryClass(entry, level: level, in: .native) {
          _ = HardwareAccess.compareExchange(word, &entry, entry | 0x60)
        }
        _ = consume pin
      }
    }
    withThreads(threads) { thread in
      var random = SeededGenerator(seed: seed &+ UInt64(thread))
      // Page 16 k + thread of the first 2 MiB is this thread's; the next 6 MiB are everybody's.
      var mine: [UInt64: UInt64] = [:]
      var marks: [UInt64: Mark] = [:]
      for index in 0..<operations {
        let page = random.below(32) * 16 + UInt64(thread)
        let address = linear(page << 12)
        do throws(LiveTableError) {
          switch random.below(12) {
          case 8:
            guard mine[page] == nil else { break }
            let mark = Mark(
              random.once(in: 2) ? .lazy : .swapped, payload: random.below(1 << 40))
            try table.mark(address, byteCount: 4096, as: mark, patience: .forStress)
            marks[page] = mark
          case 9:
            let status = try table.status(of: address)
            if !fits(status, mine[page], marks[page]) {
              counts.fail("thread \(thread), operation \(index): page \(page) is \(status)")
            }
          case 10:
            // A fault handler: what the mark says is where the page leads.
            _ = try table.withRange(address, byteCount: 4096, patience: .forStress) {
              range throws(LiveTableError) in
              guard case .marked(let mark) = try range.status(of: address) else { return }
              let target = mark.payload & 0xffff_ffff << 12
              try range.map(
                address, byteCount: 4096, to: physical(target),
                properties: PageProperties(rights: [.read]))
              mine[page] = target
              marks[page] = nil
            }
          case 11 where random.once(in: 2):
            try table.clearMarks(address, byteCount: 4096, patience: .forStress)
            marks[page] = nil
          case 0, 1:
            guard mine[page] == nil else { break }
            let target = (random.below(1 << 20) << 4 | UInt64(thread)) << 12
            try table.map(
              address, byteCount: 4096, to: physical(target),
              properties: PageProperties(rights: [.read, .write]), patience: .forStress)
            mine[page] = target
            marks[page] = nil
          case 2:
            let removed = try table.unmap(address, byteCount: 4096, patience: .forStress).byteCount
            if removed != (mine[page] == nil ? 0 : 4096) {
              counts.fail("thread \(thread), operation \(index): removed \(removed)")
            }
            mine[page] = nil
            marks[page] = nil
          case 3, 4:
            let found = try table.translate(address)?.physicalAddress.rawValue
            if found != mine[page] {
              counts.fail(
                "thread \(thread), operation \(index): page \(page) leads to "
                  + "\(String(describing: found)), not \(String(describing: mine[page]))")
            }
          default:
            // Tables come and go: ranges of everybody's, up to whole tables.
            let start = 0x20_0000 + random.below(1536) << 12
            let isWhole = random.once(in: 3)
            let first = isWhole ? start & ~0x1f_ffff : start
            let length: UInt64 = isWhole ? 0x20_0000 : (1 + random.below(8)) << 12
            let kind = random.below(6)
            if kind == 4 {
              try table.mark(
                linear(first), byteCount: length, as: Mark(.file, payload: first >> 12),
                patience: .forStress)
            } else if kind == 5 {
              try table.clearMarks(linear(first), byteCount: length, patience: .forStress)
            } else if kind == 0 {
              try table.unmap(linear(first), byteCount: length, patience: .forStress)
            } else if kind == 1 {
              try table.protect(
                linear(first), byteCount: length,
                change: PropertyChange(rights: random.once(in: 2) ? [.read] : [.read, .write]),
                patience: .forStress)
            } else {
              try table.map(
                linear(first), byteCount: length,
                to: physical(random.below(1 << 10) << 21 | first & 0x1f_ffff),
                properties: PageProperties(rights: [.read]),
                patience: .forStress)
            }
          }
        } catch .table(.alreadyMapped) {
          counts.refused.add(1, ordering: .relaxed)
        } catch {
          counts.fail("thread \(thread), operation \(index): \(error)")
        }
      }
      counts.operations.add(operations, ordering: .relaxed)
      for (page, target) in mine
      where (try? table.translate(linear(page << 12)))?.physicalAddress.rawValue != target {
        counts.fail("thread \(thread): page \(page) is lost at the end")
      }
    }
    isOver.store(true, ordering: .releasing)
    hardware.join()
    #expect(counts.problems.withLock { $0 } == [])
    #expect(counts.operations.load(ordering: .relaxed) == threads * operations)
    #expect(counts.refused.load(ordering: .relaxed) > 0)
    #expect(try space.problems() == [])
  }

  private func fits<Configuration: SharedPageTableConfiguration>(
    _ status: PageStatus<Configuration>, _ target: UInt64?, _ mark: Mark?
  ) -> Bool {
    switch status {
    case .absent: target == nil && mark == nil
    case .marked(let found): found == mark
    case .mapped(let page): page.physicalAddress.rawValue == target
    }
  }

  @Test("adv", arguments: [2, 4, 8, 16])
  func adv(_ threads: Int) throws {
    try stress(
      SharedPaging.self, threads: threads, operations: TestSetting.depth(4_000, full: 40_000))
  }

  @Test("rw", arguments: [2, 4, 8, 16])
  func rw(_ threads: Int) throws {
    try stress(
      ReaderWriterPaging.self, threads: threads, operations: TestSetting.depth(4_000, full: 40_000))
  }

  @Test("one lock", arguments: [2, 16])
  func oneLock(_ threads: Int) throws {
    try stress(
      OneLockPaging.self, threads: threads, operations: TestSetting.depth(4_000, full: 40_000))
  }

  /// A guest that maps its own tables writes anything into them; the host ends with typed errors.
  @Test("A guest that scribbles into the tables harms only itself", arguments: [0, 1])
  func scribbler(_ kind: Int) throws {
    if kind == 0 { try scribble(SharedPaging.self) } else { try scribble(ReaderWriterPaging.self) }
  }

  private func scribble<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>(frames: 256)
    let table = space.table
    let memory = space.pool.memory
    let counts = Counts()
    let isOver = Atomic<Bool>(false)
    let rounds = TestSetting.depth(3_000, full: 50_000)
    let guest = WorkerThread {
      var random = SeededGenerator(seed: 0x15_bad)
      while !isOver.load(ordering: .acquiring) {
        let words: [UInt64] = [
          0, random.next(), random.below(256) << 12 | 7, random.below(256) << 12 | 0x87, 2,
          random.below(1 << 40) << 12 | 3, random.next() & ~0xf83 | 4,
        ]
        let address = physical(random.below(256) << 12 | random.below(6) << 3)
        memory.storeWord(words[random.index(below: words.count)], at: address)
      }
    }
    withThreads(4) { thread in
      var random = SeededGenerator(seed: 0x15_600d &+ UInt64(thread))
      for _ in 0..<rounds {
        let address = linear(random.below(2048) << 12)
        let length = (1 + random.below(600)) << 12
        let patience = Patience(nanoseconds: 2_000_000)
        do {
          switch random.below(7) {
          case 4:
            try table.mark(
              address, byteCount: length, as: Mark(.file, payload: 1), patience: patience)
          case 5: try table.clearMarks(address, byteCount: length, patience: patience)
          case 6: _ = try table.status(of: address)
          case 0:
            try table.map(
              address, byteCount: length, to: physical(0),
              properties: PageProperties(rights: [.read], isUser: true), patience: patience)
          case 1: try table.unmap(address, byteCount: length, patience: patience)
          case 2:
            try table.protect(
              address, byteCount: length, change: PropertyChange(rights: [.read, .write]),
              patience: patience)
          default: _ = try table.translate(address)
          }
        } catch {
          counts.refused.add(1, ordering: .relaxed)
        }
        counts.operations.add(1, ordering: .relaxed)
      }
    }
    isOver.store(true, ordering: .releasing)
    guest.join()
    #expect(counts.operations.load(ordering: .relaxed) == 4 * rounds)
    #expect(counts.refused.load(ordering: .relaxed) > 0)
    // No lock is left, whatever the tables say now.
    for frame in space.pool.frames {
      #expect(
        !space.pool.metadata.nodeState(of: frame).isLocked || isFree(frame, space), "\(frame)")
    }
  }

  /// True for a frame that lies on a stack of the pool, whose word is a link.
  private func isFree<Configuration: SharedPageTableConfiguration>(
    _ frame: UInt64, _ space: SharedSpace<Configuration>
  ) -> Bool where Configuration.Access == HardwareAccess {
    space.pool.metadata.ownership(of: frame) == .unused
  }
}

extension Patience {
  /// Locks are held for microseconds, but the holder may have lost its processor to many others.
  fileprivate static var forStress: Patience { Patience(nanoseconds: 300_000_000_000) }
}
