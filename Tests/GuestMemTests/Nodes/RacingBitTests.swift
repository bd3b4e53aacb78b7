// Bits that a processor sets at the very moment of a change, made likely by many rounds.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("A change and a processor's write to the same entry both come to pass", .serialized)
struct RacingBitTests {
  static let plain = PageProperties(rights: [.read, .write])

  /// A thread that turns A and D on and off in one word, as fast as it can.
  final class Toggler: Sendable {
    let memory: MemoryView
    let address: GuestPhysicalAddress
    let isStopped = Atomic<Bool>(false)
    let count = Atomic<Int>(0)

    init(memory: MemoryView, address: GuestPhysicalAddress) {
      self.memory = memory
      self.address = address
    }

    func run(_ body: () throws -> Void) throws {
      let thread = WorkerThread { [self] in
        while !isStopped.load(ordering: .acquiring) {
          memory.orWord(0x60, at: address)
          memory.andWord(~0x60, at: address)
          count.add(1, ordering: .relaxed)
        }
      }
      defer {
        isStopped.store(true, ordering: .releasing)
        thread.join()
      }
      while count.load(ordering: .acquiring) == 0 { sched_yield() }
      try body()
    }
  }

  /// A machine with one page.
  static func machine(isUser: Bool = false) throws -> TestMachine {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0x5000),
      properties: PageProperties(rights: [.read, .write], isUser: isUser),
      allocator: &machine.allocator)
    return machine
  }

  /// The place of the page's leaf.
  static func leaf(_ machine: borrowing TestMachine) -> GuestPhysicalAddress {
    let (table, index, _) = machine.table.tableMemory.deciding(0, from: machine.table.root)
    return physical(table.address | UInt64(index) << 3)
  }

  /// The rights of a round, never those of the round before.
  static func rights(_ round: Int) -> PageRights {
    [.read, [.read, .write], [.read, .execute], [.read, .write, .execute]][round & 3]
  }

  @Test("A range and an entry are protected while bits of the leaf come and go")
  func protect() throws {
    var machine = try Self.machine()
    let leaf = Self.leaf(machine)
    let toggler = Toggler(memory: machine.memory.view, address: leaf)
    var rounds = 0
    // Changes during which bits came or went.
    var contested = [0, 0]
    let start = ContinuousClock.now
    try toggler.run {
      while contested.contains(where: { $0 < 300 }) && ContinuousClock.now - start < .seconds(3) {
        Self.makeRoom(rounds)
        let rights = Self.rights(rounds)
        let count = toggler.count.load(ordering: .relaxed)
        if rounds % 2 == 0 {
          let byteCount = try machine.table.protect(
            linear(0), byteCount: 4096, change: PropertyChange(rights: rights),
            allocator: &machine.allocator)
          guard byteCount == 4096 else {
            Issue.record("round \(rounds): \(byteCount) bytes")
            return
          }
        } else {
          let before = try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
            (entry, _) throws(EntryError) in
            try entry.protect { (old) throws(EntryError) in
              var new = old
              new.rights = rights
              return new
            }
          }
          guard before?.rights == Self.rights(rounds - 1) else {
            Issue.record("round \(rounds): \(String(describing: before))")
            return
          }
        }
        if toggler.count.load(ordering: .relaxed) > count { contested[rounds % 2] += 1 }
        let found = try machine.translation(0)
        guard found.properties.rights == rights, found.physicalAddress == physical(0x5000) else {
          Issue.record("round \(rounds): \(found)")
          return
        }
        rounds += 1
      }
    }
    print("protect: \(contested) of \(rounds) changes while A and D came and went")
  }

  @Test("Rights that somebody wrote since the entry was read give way to those that are asked for")
  func meanwhile() throws {
    var machine = try Self.machine()
    let leaf = Self.leaf(machine)
    let view = machine.memory.view
    let all = (0..<4).map(Self.rights)
    for old in [[]] + all {
      for new in all where new != old {
        for other in all {
          view.storeWord(
            LeafBits(PageProperties(rights: old), in: .native).small | 0x5000, at: leaf)
          try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
            (entry, _) throws(EntryError) in
            // A page without rights gets them; one with rights gets others.
            view.storeWord(
              LeafBits(PageProperties(rights: other), in: .native).small | 0x5060, at: leaf)
            let before = try entry.protect { (seen) throws(EntryError) in
              #expect(seen.rights == old)
              var wanted = seen
              wanted.rights = new
              return wanted
            }
            #expect(before?.rights == other && before?.isDirty == true)
          }
          let found = try machine.translation(0).properties
          #expect(found.rights == new && found.isAccessed && found.isDirty, "\(old) \(other)")
        }
      }
    }
  }

  @Test("Protecting an entry answers the properties before, for every pair of properties")
  func answers() throws {
    var machine = try Self.machine(isUser: true)
    let leaf = Self.leaf(machine)
    let all = everyProperty
    for (number, old) in all.enumerated() {
      let new = all[(number * 37 + 11) % all.count]
      machine.memory.view.storeWord(
        LeafBits(old, in: .native).small | 0x5000, at: leaf)
      let answer = try machine.table.withEntry(for: linear(0), allocator: &machine.allocator) {
        (entry, _) throws(EntryError) -> (PageProperties?, UInt64) in
        let before = try entry.protect { (seen) throws(EntryError) in
          #expect(seen == old)
          return new
        }
        return (before, entry.word)
      }
      #expect(answer.0 == old)
      #expect(try machine.translation(0).properties == new)
      #expect(answer.1 == machine.memory.view.loadWord(at: leaf))
    }
  }

  @Test("A page without rights that has XD or not gets exactly the rights it is given")
  func strayXD() throws {
    var machine = try Self.machine()
    let leaf = Self.leaf(machine)
    let view = machine.memory.view
    for way in 0..<4 {
      for hasXD in [false, true] {
        for rights in [.read, [.read, .write], [.read, .execute], [.read, .write, .execute]]
          as [PageRights]
        {
          try machine.table.protect(
            linear(0), byteCount: 4096, change: PropertyChange(rights: []),
            allocator: &machine.allocator)
          if hasXD { view.orWord(1 << 63, at: leaf) } else { view.andWord(~(1 << 63), at: leaf) }
          #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
          #expect(try machine.translation(0).properties.rights == [])
          switch way {
          case 0, 1:
            machine.table.liveness = way == 0 ? .live : .offline
            try machine.table.protect(
              linear(0), byteCount: 4096, change: PropertyChange(rights: rights),
              allocator: &machine.allocator)
            machine.table.liveness = .live
          case 2:
            let before = try machine.table.withEntry(
              for: linear(0), allocator: &machine.allocator
            ) { (entry, _) throws(EntryError) in
              try entry.protect { (old) throws(EntryError) in
                var new = old
                new.rights = rights
                return new
              }
            }
            #expect(before?.rights == [])
          default:
            try machine.table.withCursor(
              linear(0), byteCount: 4096, allocator: &machine.allocator
            ) { (cursor, allocator) throws(PageTableError) in
              _ = try cursor.protectNext(byteCount: 4096, allocator: &allocator) {
                (old) throws(PageTableError) in
                var new = old
                new.rights = rights
                return new
              }
            }
          }
          #expect(
            view.loadWord(at: leaf)
              == LeafBits(PageProperties(rights: rights), in: .native).small | 0x5000,
            "way \(way), XD \(hasXD), \(rights)")
        }
      }
    }
  }

  /// A thread that sets A in the first piece of a split page once in each round, and then looks
  /// whether the entry above still links the pieces.
  final class PieceWriter: Sendable {
    let memory: MemoryView
    let entry: GuestPhysicalAddress
    /// The round that may be played.
    let begun = Atomic<Int>(0)
    /// The last round in which the thread runs.
    let ready = Atomic<Int>(0)
    /// The last round that is over.
    let ended = Atomic<Int>(0)
    /// True when the pieces were linked after A had been set.
    let wasInTime = Atomic<Bool>(false)

    init(memory: MemoryView, entry: GuestPhysicalAddress) {
      self.memory = memory
      self.entry = entry
    }

    func run(rounds: Int, _ body: () throws -> Void) throws {
      let thread = WorkerThread { [self] in
        for round in 1...rounds {
          var looks = 0
          while begun.load(ordering: .acquiring) < round {
            if begun.load(ordering: .acquiring) < 0 { return }
            looks += 1
            if looks % 1024 == 0 { sched_yield() }
          }
          let link = memory.loadWord(at: entry) ?? 0
          ready.store(round, ordering: .releasing)
          // Another moment in each round.
          for _ in 0..<(round * 7 % 1000) { _ = memory.loadWord(at: entry) }
          let isLinked = link & EntryBits.pageSize == 0
          if isLinked { memory.orWord(0x20, at: physical(link & EntryBits.address)) }
          wasInTime.store(isLinked && memory.loadWord(at: entry) == link, ordering: .relaxed)
          ended.store(round, ordering: .releasing)
        }
      }
      defer {
        begun.store(-1, ordering: .releasing)
        thread.join()
      }
      try body()
    }
  }

  /// Sleeps now and then, so that two threads on one processor are moved apart.
  static func makeRoom(_ round: Int) {
    if round % 256 == 255 { usleep(100) }
  }

  /// Waits for the other thread, which may need this one's processor.
  static func wait(for number: borrowing Atomic<Int>, toBe round: Int) {
    var looks = 0
    while number.load(ordering: .acquiring) < round {
      looks += 1
      if looks % 1024 == 0 { sched_yield() }
    }
  }

  @Test("A piece is accessed while the pieces become one page again")
  func collapse() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 0x20_0000, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    let (table, index, level) = machine.table.tableMemory.deciding(0, from: machine.table.root)
    try #require(level == 2)
    let place = physical(table.address | UInt64(index) << 3)
    let view = machine.memory.view
    let rounds = 10_000_000
    let writer = PieceWriter(memory: view, entry: place)
    var inTimeCount = 0
    let start = ContinuousClock.now
    try writer.run(rounds: rounds) {
      for round in 1...rounds
      where inTimeCount < 300 && ContinuousClock.now - start < .seconds(3) {
        Self.makeRoom(round)
        view.andWord(~0x60, at: place)
        var wasEarly = false
        try machine.table.withEntry(
          for: linear(0), downTo: .pageDirectory, allocator: &machine.allocator
        ) { (entry, allocator) throws(EntryError) in
          _ = try entry.splitIfLarge(allocator: &allocator)
          writer.begun.store(round, ordering: .releasing)
          Self.wait(for: writer.ready, toBe: round)
          let piece = view.loadWord(at: physical(entry.word & EntryBits.address)) ?? 0
          wasEarly = piece & 0x20 != 0
          let isCollapsed = try entry.collapse(allocator: &allocator)
          #expect(isCollapsed)
        }
        Self.wait(for: writer.ended, toBe: round)
        let isInTime = writer.wasInTime.load(ordering: .relaxed)
        inTimeCount += isInTime && !wasEarly ? 1 : 0
        let word = view.loadWord(at: place) ?? 0
        guard !isInTime || word & 0x20 != 0 else {
          Issue.record("round \(round): A was set before the entry was replaced, and is lost")
          return
        }
        guard word & ~0x60 == 0x83 | 1 << 63 else {
          Issue.record("round \(round): the page is \(String(word, radix: 16))")
          return
        }
      }
    }
    print("collapse: in \(inTimeCount) rounds a piece was accessed while it was looked at")
  }
}
