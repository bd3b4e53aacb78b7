// Threads that end or block with a range locked, and processes that are killed at any moment.

import Glibc
import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import LiveMem

@Suite("Threads that never come back, and processes that are killed", .serialized)
struct KillTests {
  private static let short = Patience(nanoseconds: 20_000_000)

  private enum Fate: CaseIterable {
    /// The thread ends inside of `withRange`, without its end.
    case ends
    /// It stays there until the others have done everything else.
    case blocks
  }

  @Test("A thread that holds a range ends or blocks: others are told, and no frame comes too early")
  func heldRange() throws {
    for fate in Fate.allCases {
      try holdRange(SharedPaging.self, fate)
      try holdRange(ReaderWriterPaging.self, fate)
    }
  }

  private func holdRange<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type, _ fate: Fate
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>(frames: 256)
    let table = space.table
    let read = PageProperties(rights: [.read])
    // Two tables at level 1 that the thread holds, one of which it has emptied.
    for page: UInt64 in [0, 0x20_0000] {
      try table.map(linear(page), byteCount: 0x1000, to: physical(page), properties: read)
    }
    try table.processors.activate(0)
    let holder = Mutex<ThreadIdentifier?>(nil)
    let isOver = Atomic<Bool>(false)
    let thread = WorkerThread {
      _ = try? table.withRange(linear(0), byteCount: 0x40_0000) { range throws(LiveTableError) in
        try range.unmap(linear(0), byteCount: 0x20_0000)
        holder.withLock { $0 = .current }
        if fate == .ends { pthread_exit(nil) }
        while !isOver.load(ordering: .acquiring) { sched_yield() }
      }
    }
    while holder.withLock({ $0 }) == nil { sched_yield() }
    if fate == .ends { thread.join() }
    let named = try #require(holder.withLock { $0 })
    // Every call that needs the range ends with an error that names the thread.
    let calls: [() throws -> Void] = [
      {
        try table.map(
          linear(0), byteCount: 0x1000, to: physical(0), properties: read, patience: Self.short)
      },
      { try table.unmap(linear(0x20_0000), byteCount: 0x1000, patience: Self.short) },
      {
        try table.protect(
          linear(0), byteCount: 0x40_0000, change: PropertyChange(rights: []),
          patience: Self.short)
      },
      { try table.mark(linear(0x1000), byteCount: 0x1000, as: Mark(.lazy), patience: Self.short) },
      { try table.clearMarks(linear(0), byteCount: 0x8000_0000, patience: Self.short) },
    ]
    for call in calls {
      do {
        try call()
        Issue.record("a range was locked that another thread holds")
      } catch LiveTableError.table(.busy(_, _, let found)) {
        #expect(found == .otherThread(named))
      }
    }
    // Readers go on.
    #expect(try table.translate(linear(0x20_0000)) != nil)
    #expect(try table.translate(linear(0)) == nil)
    // Elsewhere work goes on; what is unlinked there stays, because the thread may be reading it.
    var unlinked = 0
    for round in 0..<20 as Range<UInt64> where Configuration.lockProtocol == .adv {
      let place = linear(1 << 40 + round << 21)
      try table.map(place, byteCount: 0x1000, to: physical(0), properties: read)
      let ticket = try table.unmap(place, byteCount: 0x20_0000, patience: Self.short).ticket
      table.processors.handleRequests(0) { _ in }
      try table.sync(ticket, patience: Self.short)
      unlinked += 1
      table.reclaim()
    }
    #expect(table.retiredFrameCount == unlinked)
    if unlinked > 0 {
      #expect(table.epochs.laggards().map(\.thread) == [named])
    }
    // What it removed was not sent, and no frame of it is free: nobody gets it for something else.
    let words = try #require(table.pool.memory.readWords(at: physical(0), count: 256 * 512))
    var reachable: [TableFrame] = []
    table.collectTables(table.root, level: 4, into: &reachable)
    for node in reachable {
      let content = words[Int(node.frame) * 512..<Int(node.frame + 1) * 512]
      #expect(!content.contains(FramePool<HardwareAccess>.poison))
    }
    guard fate == .blocks else { return }
    isOver.store(true, ordering: .releasing)
    thread.join()
    // It has come back: what it removed is sent now, and everything is free after that.
    #expect(table.processors.ticket().processors == [0])
    table.processors.handleRequests(0) { _ in }
    try table.processors.deactivate(0)
    #expect(try space.problems() == [])
    #expect(try table.unmap(linear(0), byteCount: 0x40_0000).byteCount == 0x1000)
    #expect(try space.problems() == [])
  }

  @Test(
    "A process is killed at random moments: its tables are sound for who walks them, before and after"
  )
  func kills() throws {
    var random = SeededGenerator(seed: TestSetting.seed ?? 0x15_4111)
    var (changes, walks, kept, tables): (UInt64, Int, Int, Int) = (0, 0, 0, 0)
    let kills = TestSetting.depth(20, full: 400)
    for round in 0..<kills {
      let memory = try GuestMemory(
        byteCount: KilledTablesLayout.frameCount << 12, backing: .memoryFile)
      let view = memory.view
      func read(_ word: KilledTablesLayout.Word) -> UInt64 {
        view.loadWord(at: physical(word.address)) ?? 0
      }
      let descriptor = try #require(memory.file?.fileDescriptor)
      let child = try #require(ChildProcess(memoryFile: descriptor, seed: random.next()))
      // A minute for a start on a busy machine, and then a moment of up to 40 ms.
      var patience = Patience(nanoseconds: 60_000_000_000)
      while read(.root) == 0, child.isRunning, patience.pass() {}
      var processor = SharedProcessor(view, root: read(.root) &- 1)
      let end = ContinuousClock.now + .microseconds(Int(random.below(40_000)))
      while read(.root) != 0, ContinuousClock.now < end {
        processor.acknowledge()
        for _ in 0..<32 { processor.access(random.below(KilledTablesLayout.pageCount)) }
      }
      #expect(child.kill() == 0, "round \(round): it ended by itself")
      try #require(read(.root) != 0, "round \(round): it never came to its tables")
      // Nobody changes the tables now; a processor that still runs finds them whole.
      for page in 0..<KilledTablesLayout.pageCount { processor.access(page) }
      tables += processor.checkAll()
      #expect(processor.problems == [], "round \(round)")
      changes += read(.changes)
      walks += processor.walkCount
      kept += processor.keptCount
    }
    print(
      "\(kills) kills: \(changes) changes, \(walks) walks, \(kept) of them from a table that was kept, "
        + "\(tables) tables looked at afterwards")
    #expect(changes > 100 && kept > 100)
  }
}
