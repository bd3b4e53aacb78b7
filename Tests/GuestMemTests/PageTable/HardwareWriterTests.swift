// A thread that plays the processor: it sets accessed and dirty bits while entries change.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("Accessed and dirty bits that hardware sets are never lost")
struct HardwareWriterTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("An entry that was read before hardware wrote keeps what hardware wrote")
  func staleSnapshot() throws {
    for operation in 0..<5 {
      var machine = try TestMachine()
      try machine.table.map(
        linear(0), byteCount: 0x20_0000, to: physical(0), properties: Self.plain,
        allocator: &machine.allocator)
      let view = machine.memory.view
      let before = MemoryImage(
        root: machine.table.root.address, rootLevel: 4, indexBits: 9, memory: view)
      let leaf = try #require(before.entries.first { $0.level == 2 })
      let address = physical(leaf.frame << 12 | UInt64(leaf.index) << 3)
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        view.orWord(0x60, at: address)
        switch operation {
        case 0:
          let last = try entry.protect { (properties) throws(EntryError) in
            var changed = properties
            changed.rights = .read
            return changed
          }
          #expect(last?.isDirty == true)
        case 1:
          _ = try entry.splitIfLarge(allocator: &allocator)
        case 2:
          var child = Child<NativePaging>.none
          try entry.replace(with: &child)
          guard case .page(let raw) = child.reference else {
            Issue.record("no page came out")
            return
          }
          #expect(raw.properties.isDirty && raw.properties.isAccessed)
        case 3:
          _ = try entry.splitIfLarge(allocator: &allocator)
          #expect(try entry.collapse(allocator: &allocator))
        default:
          // Hardware writes to a piece until the flush is over.
          _ = try entry.splitIfLarge(allocator: &allocator) {}
          let piece = physical(entry.word & 0x000f_ffff_ffff_f000)
          view.andWord(~0x60, at: piece)
          #expect(
            try entry.collapse(allocator: &allocator) { view.orWord(0x60, at: piece) })
        }
      }
      if operation != 2 {
        for page in 0..<512 as Range<UInt64> {
          let found = try machine.translation(page << 12).properties
          #expect(found.isDirty && found.isAccessed)
        }
      }
    }
  }

  @Test("A thread sets bits while pages are protected, split, collapsed, moved and cloned")
  func writerThread() throws {
    var machine = try TestMachine()
    let tables = machine.table.tableMemory
    let root = machine.table.root
    try machine.table.map(
      linear(0), byteCount: 0x20_0000, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    let writer = HardwareWriter(tables: tables, root: root)
    var rounds = 0
    var seenCount = 0
    let start = ContinuousClock.now
    try writer.run {
      // Until hardware has written often enough between the operations, or time is up.
      while (rounds < 4000 || seenCount < 400)
        && ContinuousClock.now - start < .seconds(seenCount < 4 ? 60 : 4)
      {
        let before = AccessedDirtySnapshot(of: root, in: tables)
        // Once hardware has set D in the page, D is there whatever happens from here on.
        let generation = writer.generation.load(ordering: .relaxed)
        let seen = writer.dirtied.load(ordering: .acquiring) == generation
        seenCount += seen ? 1 : 0
        let after = AccessedDirtySnapshot(of: root, in: tables)
        #expect(after.lost(since: before) == [], "CK-24")
        let rights: PageRights = rounds % 2 == 0 ? .read : [.read, .write]
        try machine.table.protect(
          linear(0), byteCount: 0x20_0000, change: PropertyChange(rights: rights),
          allocator: &machine.allocator)
        try Self.change(&machine, writer, round: rounds, seen: seen)
        if seen {
          let found = try machine.translation(0)
          #expect(found.properties.isDirty, "round \(rounds)")
          #expect(found.properties.rights == rights)
        }
        if rounds % 8 == 7 {
          // Software takes the bits away, and from then on asks where new ones are.
          try machine.table.protect(
            linear(0), byteCount: 0x20_0000,
            change: PropertyChange(isAccessed: false, isDirty: false),
            allocator: &machine.allocator)
          writer.generation.add(1, ordering: .acquiringAndReleasing)
          sched_yield()
        }
        rounds += 1
      }
    }
    let count = writer.count.load(ordering: .relaxed)
    print(
      "hardware writer: \(count) bits set during \(rounds) rounds, in \(seenCount) of them"
        + " before the operation")
    #expect(count > 0 && seenCount > 0)
  }

  /// One of the operations that take the leaf of address 0 out, move it or replace it.
  static func change(
    _ machine: inout TestMachine, _ writer: HardwareWriter, round: Int, seen: Bool
  ) throws {
    switch round % 8 {
    case 1:
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        if round % 16 == 1 {
          _ = try entry.splitIfLarge(allocator: &allocator)
        } else {
          _ = try entry.splitIfLarge(allocator: &allocator, breakBeforeMake: writer.flush)
        }
      }
    case 2, 5:
      // Out and in again: what comes out has the bits of the last moment.
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, _) throws(EntryError) in
        var child = Child<NativePaging>.none
        try entry.replace(with: &child)
        if case .page(let raw) = child.reference {
          #expect(!seen || raw.properties.isDirty, "round \(round)")
        }
        try entry.replace(with: &child)
      }
    case 4, 6:
      try machine.table.withEntry(
        for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
      ) { (entry, allocator) throws(EntryError) in
        _ = try entry.collapse(allocator: &allocator, breakBeforeMake: writer.flush)
      }
    case 0:
      // Out and in again by a cursor.
      try machine.table.withCursor(
        linear(0), byteCount: 0x20_0000, minimumLevel: .pageDirectory,
        allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        let fragment = try cursor.takeNext(byteCount: 0x20_0000, allocator: &allocator)
        guard case .some(.page(_, let item)) = consume fragment else {
          Issue.record("no page came out in round \(round)")
          return
        }
        let isDirty = item.properties.isDirty
        #expect(!seen || isDirty, "round \(round)")
        var child = Child<NativePaging>.page(item)
        try cursor.jump(to: linear(0), allocator: &allocator)
        try cursor.map(&child, allocator: &allocator)
      }
    case 3:
      let rights = machine.table.translate(linear(0))?.properties.rights
      let copy = try machine.table.cloneCopyOnWrite(
        markingWith: 0, allocator: &machine.allocator)
      #expect(!seen || copy.translate(linear(0))?.properties.isDirty == true, "round \(round)")
      copy.destroy(allocator: &machine.allocator)
      try machine.table.protect(
        linear(0), byteCount: 0x20_0000,
        change: PropertyChange(rights: rights, softwareBits: 0), allocator: &machine.allocator)
    default:
      try machine.table.withCursor(
        linear(0), byteCount: 0x20_0000, minimumLevel: .pageDirectory,
        allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        _ = try cursor.protectNext(byteCount: 0x20_0000, allocator: &allocator) {
          (old) throws(PageTableError) in
          var new = old
          new.isGlobal = round % 16 == 7
          return new
        }
      }
    }
  }
}

/// Walks the tables as a processor does and sets D in the leaf of address 0 by compare-exchange,
/// only while the entry is a present leaf.
final class HardwareWriter: Sendable {
  let tables: TableMemory<NativePaging>
  let root: TableFrame
  let isStopped = Atomic<Bool>(false)
  /// Raised when software has cleared the bits.
  let generation = Atomic<Int>(0)
  /// The generation in which D was set last.
  let dirtied = Atomic<Int>(-1)
  let count = Atomic<Int>(0)
  /// Walks that have ended.
  let walks = Atomic<Int>(0)

  init(tables: TableMemory<NativePaging>, root: TableFrame) {
    self.tables = tables
    self.root = root
  }

  /// Runs `body` while a thread writes.
  func run(_ body: () throws -> Void) throws {
    let thread = WorkerThread { [self] in
      while !isStopped.load(ordering: .acquiring) {
        writeOnce()
        walks.add(1, ordering: .acquiringAndReleasing)
      }
    }
    defer {
      isStopped.store(true, ordering: .releasing)
      thread.join()
    }
    while count.load(ordering: .acquiring) == 0 {}
    try body()
  }

  /// Waits until every walk that may have begun before has ended, as a flush does.
  func flush() {
    let target = walks.load(ordering: .acquiring) + 2
    while walks.load(ordering: .acquiring) < target { sched_yield() }
  }

  func writeOnce() {
    let generation = generation.load(ordering: .acquiring)
    var table = root.address
    var level: UInt64 = 4
    while true {
      let address = physical(table)
      guard let word = tables.memory.loadWord(at: address), word & 1 != 0 else { return }
      if level == 1 || word & 0x80 != 0 {
        let found = tables.memory.compareExchangeWord(
          expected: word, desired: word | 0x60, at: address)
        if found == word && word & 0x60 != 0x60 { count.add(1, ordering: .releasing) }
        if found == word { dirtied.store(generation, ordering: .releasing) }
        return
      }
      table = word & 0x000f_ffff_ffff_f000
      level -= 1
    }
  }
}
