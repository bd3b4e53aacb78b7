// A thread that plays the processor over a whole table, while the table's range is protected.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("No dirty bit of a whole table is lost")
struct HardwareSweepTests {
  @Test("Hardware dirties each page once while a range is protected again and again")
  func protectedRange() throws {
    var machine = try TestMachine()
    let range = linear(0)
    try machine.table.map(
      range, byteCount: 0x20_0000, to: physical(0),
      properties: PageProperties(rights: [.read, .write]), pageSizes: .exactly(.size4KiB),
      allocator: &machine.allocator)
    let (table, _, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
    let sweep = HardwareSweep(memory: machine.memory.view, table: table.address)
    let thread = WorkerThread { sweep.run() }
    defer { thread.join() }
    let start = ContinuousClock.now
    var rounds = 0
    var lost = 0
    while rounds < 3000 && ContinuousClock.now - start < .seconds(3) {
      rounds += 1
      try machine.table.protect(
        range, byteCount: 0x20_0000, change: PropertyChange(isDirty: false),
        allocator: &machine.allocator)
      sweep.asked.store(rounds, ordering: .releasing)
      var flip = 0
      repeat {
        flip += 1
        try machine.table.protect(
          range, byteCount: 0x20_0000,
          change: PropertyChange(rights: flip % 2 == 0 ? .read : [.read, .write]),
          allocator: &machine.allocator)
      } while sweep.done.load(ordering: .acquiring) < rounds
      for page in 0..<512 as Range<UInt64> {
        if !(try machine.translation(page << 12).properties.isDirty) { lost += 1 }
      }
    }
    sweep.asked.store(-1, ordering: .releasing)
    print("hardware sweep: \(rounds) sweeps of 512 pages, \(lost) dirty bits lost")
    #expect(lost == 0)
  }
}

/// Sets D in each present leaf of a level-1 table, once for each sweep that is asked for.
final class HardwareSweep: Sendable {
  let memory: MemoryView
  let table: UInt64
  /// The number of the sweep that should be made; -1 to stop.
  let asked = Atomic<Int>(0)
  /// The number of the sweep that was made last.
  let done = Atomic<Int>(0)

  init(memory: MemoryView, table: UInt64) {
    self.memory = memory
    self.table = table
  }

  func run() {
    while true {
      let wanted = asked.load(ordering: .acquiring)
      if wanted < 0 { return }
      if wanted == done.load(ordering: .relaxed) {
        sched_yield()
        continue
      }
      for index in 0..<512 as Range<UInt64> {
        memory.orWord(0x60, at: physical(table | index << 3))
      }
      done.store(wanted, ordering: .releasing)
    }
  }
}
