// A thread that plays the processor: it sets accessed and dirty bits while entries change.

import MMU
import Synchronization
import Testing

@testable import GuestMem

@Suite("Accessed and dirty bits that hardware sets are never lost")
struct HardwareWriterTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("An entry that was read before hardware wrote keeps what hardware wrote")
  func staleSnapshot() throws {
    for operation in 0..<4 {
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
        default:
          _ = try entry.splitIfLarge(allocator: &allocator)
          #expect(try entry.collapse(allocator: &allocator))
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

  @Test("A thread sets bits while pages are protected, split, collapsed and replaced")
  func writerThread() throws {
    var machine = try TestMachine()
    let view = machine.memory.view
    let tables = machine.table.tableMemory
    let root = machine.table.root
    try machine.table.map(
      linear(0), byteCount: 0x20_0000, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    let writer = HardwareWriter(tables: tables, root: root)
    try writer.run {
      for round in 0..<4000 {
        let rights: PageRights = round % 2 == 0 ? .read : [.read, .write]
        try machine.table.protect(
          linear(0), byteCount: 0x20_0000, change: PropertyChange(rights: rights),
          allocator: &machine.allocator)
        if round % 4 == 0 {
          // Software takes the bits away, and from then on asks where new ones are.
          try machine.table.protect(
            linear(0), byteCount: 4096 << UInt64(round % 2),
            change: PropertyChange(isAccessed: false, isDirty: false),
            allocator: &machine.allocator)
          writer.generation.add(1, ordering: .acquiringAndReleasing)
        }
        let generation = writer.generation.load(ordering: .relaxed)
        let seen = writer.dirtied.load(ordering: .acquiring) == generation
        if round % 4 == 1 {
          try machine.table.withEntry(
            for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
          ) { (entry, allocator) throws(EntryError) in
            _ = try entry.splitIfLarge(allocator: &allocator)
          }
        }
        if seen {
          // Once hardware has set D in the page, D is there whatever happened since.
          let found = try machine.translation(0)
          #expect(found.properties.isDirty, "round \(round)")
          #expect(found.properties.rights == rights)
        }
        if round % 4 == 3 {
          try machine.table.withEntry(
            for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
          ) { (entry, allocator) throws(EntryError) in
            // The same address is written by hardware again and again: dirty survives.
            _ = try entry.collapse(allocator: &allocator)
          }
        }
      }
      #expect(view.loadWord(at: machine.table.rootAddress) != 0)
    }
    print("hardware writer: \(writer.count.load(ordering: .relaxed)) bits set during 4000 rounds")
    #expect(writer.count.load(ordering: .relaxed) > 0)
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

  init(tables: TableMemory<NativePaging>, root: TableFrame) {
    self.tables = tables
    self.root = root
  }

  /// Runs `body` while a thread writes.
  func run(_ body: () throws -> Void) throws {
    let thread = WorkerThread { [self] in
      while !isStopped.load(ordering: .acquiring) { writeOnce() }
    }
    defer {
      isStopped.store(true, ordering: .releasing)
      thread.join()
    }
    while count.load(ordering: .acquiring) == 0 {}
    try body()
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
