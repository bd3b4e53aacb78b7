// Translations that the host takes away itself: which pages, and when.

import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import LiveMem

@Suite("The host takes translations away by its own mapping")
struct HostFlushTests {
  private static let frame: UInt64 = 0x40_0000

  private func isMapped(_ memory: borrowing GuestMemory, _ frame: UInt64) -> Bool? {
    // SAFETY: the frame lies in the memory.
    unsafe isResident(memory.view.baseAddress + Int(frame))
  }

  /// Touches pages, so that the host maps them.
  private func touch(_ memory: borrowing GuestMemory, _ pages: Range<UInt64>) {
    for page in pages {
      memory.view.storeWord(1, at: physical(Self.frame + page << 12 + 8))
    }
  }

  @Test("Exactly the pages that a change took away, while a processor uses the table")
  func dropsTargets() throws {
    let memory = try GuestMemory(byteCount: 8 << 20, backing: .memoryFile)
    var allocator = try FrameAllocator(byteCount: 8 << 20)
    let pool = try FramePool<HardwareAccess>(
      memory: memory.view, byteCount: 64 << 12, allocator: &allocator)
    let settled = Atomic<Int>(0)
    let table = try SharedPageTable<SharedPaging>(
      paging: PagingConfiguration(), pool: pool, processors: ProcessorSet(count: 1),
      flushing: .byHost(try HostMapping(memory), settle: { settled.add(1, ordering: .relaxed) }))
    func gone(_ body: () throws -> FlushTicket) throws -> [UInt64] {
      touch(memory, 0..<16)
      let ticket = try body()
      #expect(ticket.processors.isEmpty)
      return (0..<16).filter { isMapped(memory, Self.frame + $0 << 12) == false }
    }
    func map(_ page: UInt64, _ count: UInt64) throws -> FlushTicket {
      try table.map(
        linear(page << 12), byteCount: count << 12, to: physical(Self.frame + page << 12),
        properties: PageProperties(rights: [.read, .write]))
      return .nothing
    }
    func unmap(_ page: UInt64, _ count: UInt64) throws -> FlushTicket {
      try table.unmap(linear(page << 12), byteCount: count << 12).ticket
    }
    func protect(_ page: UInt64, _ rights: PageRights) throws -> FlushTicket {
      try table.protect(
        linear(page << 12), byteCount: 4096, change: PropertyChange(rights: rights)
      ).ticket
    }
    // Nobody uses the table: nothing must go.
    #expect(try gone { try map(0, 16) } == [])
    #expect(try gone { try unmap(2, 2) } == [])
    try table.processors.activate(0)
    #expect(try gone { try map(2, 2) } == [])
    #expect(try gone { try unmap(2, 2) } == [2, 3])
    #expect(try gone { try protect(5, [.read]) } == [5])
    #expect(try gone { try protect(5, [.read, .write]) } == [])
    #expect(try gone { try unmap(7, 1) } == [7])
    #expect(try gone { try unmap(0, 16) } == [0, 1, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15])
    #expect(try gone { try unmap(0, 16) } == [])
    // Once for each change that took something away.
    #expect(settled.load(ordering: .relaxed) == 4)
    // Tables stay linked.
    let before = pool.freeFrameCount
    _ = try map(0, 1)
    _ = try table.unmap(linear(0), byteCount: 0x20_0000)
    #expect(pool.freeFrameCount == before && table.retiredFrameCount == 0)
    try table.processors.deactivate(0)
    try table.close()
    try pool.giveBack(to: &allocator)
  }

  @Test("What cannot be taken away is asked of every processor until it drops it or leaves")
  func failedFlush() throws {
    struct Failure: Error {}
    let memory = try GuestMemory(byteCount: 1 << 20, backing: .memoryFile)
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    let pool = try FramePool<HardwareAccess>(
      memory: memory.view, byteCount: 64 << 12, allocator: &allocator)
    let table = try SharedPageTable<SharedPaging>(
      paging: PagingConfiguration(), pool: pool, processors: ProcessorSet(count: 3),
      flushing: .byHost(try HostMapping(memory), settle: { throw Failure() }))
    try table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: [.read]))
    try table.processors.activate(0)
    try table.processors.activate(2)
    let ticket = try table.unmap(linear(0), byteCount: 4096).ticket
    let short = Patience(nanoseconds: 1_000_000)
    #expect(throws: FlushTimeout(processors: [0, 2])) { try table.sync(ticket, patience: short) }
    #expect(table.processors.ticket() == ticket)
    try table.processors.deactivate(0)
    #expect(throws: FlushTimeout(processors: [2])) { try table.sync(ticket, patience: short) }
    // One that drops it by itself has answered as well.
    var requests: [FlushRequest] = []
    #expect(table.processors.handleRequests(2) { requests.append($0) })
    #expect(requests.first?.ranges == [0..<4096])
    try table.sync(ticket, patience: short)
    try table.processors.deactivate(2)
  }

  @Test("A request names targets as it names pages, and all memory when they are too many")
  func targets() {
    var request = FlushRequest()
    request.add(0x1000..<0x2000, to: 0x9000)
    request.add(0x2000..<0x3000, to: 0xa000)
    request.add(0x5000..<0x6000)
    request.add(0x7000..<0x8000, to: 0x3000)
    #expect(request.ranges == [0x1000..<0x3000, 0x5000..<0x6000, 0x7000..<0x8000])
    #expect(request.targets == [0x9000..<0xb000, 0x3000..<0x4000])
    // Too many pages to flush one by one; where they led is still known.
    request.add(0x10_0000..<0x20_0000, to: 0x10_0000)
    #expect(request.isEverything && request.targets.count == 3)
    var other = FlushRequest()
    other.add(request)
    #expect(other.isEverything && other.targets == request.targets)
    for page in 0..<300 as Range<UInt64> { other.add(0..<4096, to: page << 13) }
    #expect(other.targets == [0..<(.max)])
    var everything = FlushRequest()
    everything.addEverything()
    #expect(everything.isEverything && everything.targets == [0..<(.max)])
  }
}
