// A thread that plays the processor on a boot table, while its tables are copied.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("No dirty bit is lost while adopted tables are copied and their rights are moved")
struct BootHardwareWriterTests {
  @Test("Hardware dirties 512 pages, by the firmware's table first and by its copy then")
  func copying() throws {
    let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    // Slow enough for a copy to fall into the sweep.
    let sweep = BootSweep(memory: memory.view, pauseCount: 1500)
    try Self.run(sweep, memory) { _, _ in
    } change: { (table, allocator) throws(PageTableError) in
      try table.protect(
        linear(511 << 12), change: PropertyChange(rights: .read), allocator: &allocator)
    }
  }

  @Test("Hardware dirties 512 pages while each gets the denial of the entry above")
  func granting() throws {
    let memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    let sweep = BootSweep(memory: memory.view, pauseCount: 300)
    try Self.run(sweep, memory) { (table, allocator) throws(PageTableError) in
      try table.protect(
        linear(511 << 12), change: PropertyChange(rights: .read), allocator: &allocator)
    } change: { (table, allocator) throws(PageTableError) in
      try table.protect(
        linear(511 << 12), change: PropertyChange(rights: [.read, .write], isUser: true),
        allocator: &allocator)
    }
  }

  /// Lets `change` run in the middle of sweeps, and looks for every dirty bit.
  static func run(
    _ sweep: BootSweep, _ memory: borrowing GuestMemory,
    before: (inout BootPageTable, inout FrameAllocator) throws(PageTableError) -> Void,
    change: (inout BootPageTable, inout FrameAllocator) throws(PageTableError) -> Void
  ) throws {
    let view = memory.view
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    try allocator.reserve(0..<0x10_0000)
    let paging = try PagingConfiguration(physicalAddressWidth: 46)
    // The PT is below an entry that denies writes and user accesses.
    for (level, bits) in ([7, 7, 1] as [UInt64]).enumerated() {
      let table = 0x1000 + UInt64(level) << 12
      view.storeWord(table + 0x1000 | bits, at: physical(table))
    }
    let thread = WorkerThread { sweep.run() }
    defer {
      sweep.asked.store(-1, ordering: .releasing)
      thread.join()
    }
    let start = ContinuousClock.now
    var rounds = 0
    var lost = 0
    var meetings = 0
    // Until both ran at the same time often enough; a busy machine seldom lets them.
    while meetings < 300 && ContinuousClock.now - start < .seconds(meetings < 30 ? 60 : 4) {
      rounds += 1
      for page in 0..<512 as Range<UInt64> {
        view.storeWord(0x10_0000 + page << 12 | 7, at: physical(0x4000 | page << 3))
      }
      var table = try BootPageTable(
        adopting: 0x1000, configuration: paging, memory: view, allocator: &allocator)
      try before(&table, &allocator)
      sweep.root.store(table.root.address, ordering: .releasing)
      // Somewhere in the first half of the sweep, which waits there: a busy machine would let it run
      // to its end before this thread looks again.
      let begin = rounds * 37 % 256
      sweep.meetingPlace.store(begin, ordering: .releasing)
      sweep.asked.store(rounds, ordering: .releasing)
      while sweep.place.load(ordering: .acquiring) < rounds << 10 | begin { sched_yield() }
      sweep.released.store(rounds, ordering: .releasing)
      try change(&table, &allocator)
      if sweep.place.load(ordering: .acquiring) < rounds << 10 | 511 { meetings += 1 }
      while sweep.done.load(ordering: .acquiring) < rounds { sched_yield() }
      for page in 0..<512 as Range<UInt64> {
        let found = table.translate(linear(page << 12))
        if found?.properties.isDirty != true { lost += 1 }
      }
      table.dismiss(allocator: &allocator)
    }
    print("boot sweep: \(meetings) of \(rounds) changes in the middle of one, \(lost) bits lost")
    #expect(lost == 0)
    #expect(meetings > 0)
  }
}

/// Walks from a root to each of the first 512 pages and sets A and D in its leaf.
///
/// A walk whose tables changed meanwhile is made again, as a processor does after a flush.
final class BootSweep: Sendable {
  let memory: MemoryView
  /// How often it walks to a page before it writes to it.
  let pauseCount: Int
  let root = Atomic<UInt64>(0)
  /// The number of the sweep that should be made; -1 to stop.
  let asked = Atomic<Int>(0)
  /// The number of the sweep, and the page that it has come to in the low 10 bits.
  let place = Atomic<Int>(0)
  /// The number of the sweep that was made last.
  let done = Atomic<Int>(0)
  /// The page at which it waits, and the number of the sweep that need not wait any longer.
  let meetingPlace = Atomic<Int>(0)
  let released = Atomic<Int>(0)

  init(memory: MemoryView, pauseCount: Int) {
    self.memory = memory
    self.pauseCount = pauseCount
  }

  func leaf(of page: UInt64) -> UInt64 {
    var table = root.load(ordering: .acquiring)
    for _ in 0..<3 {
      table = (memory.loadWord(at: physical(table)) ?? 0) & 0x000f_ffff_ffff_f000
    }
    return table | page << 3
  }

  /// Waits with as little delay afterwards as the machine allows.
  private func waitForRelease(of sweep: Int) {
    var spinCount = 0
    while released.load(ordering: .acquiring) < sweep {
      spinCount += 1
      if spinCount > 1000 { sched_yield() }
      // The caller has given up.
      if asked.load(ordering: .relaxed) < 0 { return }
    }
  }

  func run() {
    while true {
      let wanted = asked.load(ordering: .acquiring)
      if wanted < 0 { return }
      if wanted == done.load(ordering: .relaxed) {
        sched_yield()
        continue
      }
      for page in 0..<512 as Range<UInt64> {
        place.store(wanted << 10 | Int(page), ordering: .releasing)
        if page == meetingPlace.load(ordering: .acquiring) { waitForRelease(of: wanted) }
        for _ in 0..<pauseCount { _ = leaf(of: page) }
        var address = leaf(of: page)
        while true {
          memory.orWord(0x60, at: physical(address))
          let again = leaf(of: page)
          if again == address { break }
          address = again
        }
      }
      done.store(wanted, ordering: .releasing)
    }
  }
}
