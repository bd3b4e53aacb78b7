// Every wait ends: with what was waited for, or with an error that names who is in the way.

import GuestMem
import MMU
import Synchronization
import TestSupport
import Testing

@testable import LiveMem

@Suite("Every wait of a shared page table ends", .serialized)
struct WaitTests {
  private static let short = Patience(nanoseconds: 20_000_000)

  @Test("A thread that would wait for itself is told at once", arguments: [0, 1, 2])
  func self_(_ kind: Int) throws {
    switch kind {
    case 0: try waitForSelf(SharedPaging.self)
    case 1: try waitForSelf(ReaderWriterPaging.self)
    default: try waitForSelf(OneLockPaging.self)
    }
  }

  private func waitForSelf<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>()
    let read = PageProperties(rights: [.read])
    try space.table.map(linear(0x1000), byteCount: 0x1000, to: physical(0x1000), properties: read)
    let start = ContinuousClock.now
    _ = try space.table.withRange(linear(0x1000), byteCount: 0x1000) {
      _ throws(LiveTableError) in
      do throws(LiveTableError) {
        try space.table.unmap(
          linear(0x1000), byteCount: 0x1000, patience: Patience(nanoseconds: .max))
        Issue.record("the range was locked twice")
      } catch .table(.busy(_, _, .thisThread(let thread))) {
        #expect(thread == .current)
      } catch {
        Issue.record("\(error)")
      }
    }
    // With patience for ever the answer came, so it did not wait.
    #expect(ContinuousClock.now - start < .seconds(60))
    #expect(try space.problems() == [])
  }

  @Test("A lock that another thread keeps is an error that names it", arguments: [0, 1, 2])
  func other(_ kind: Int) throws {
    switch kind {
    case 0: try waitForOther(SharedPaging.self)
    case 1: try waitForOther(ReaderWriterPaging.self)
    default: try waitForOther(OneLockPaging.self)
    }
  }

  private func waitForOther<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>()
    let read = PageProperties(rights: [.read])
    try space.table.map(linear(0x1000), byteCount: 0x1000, to: physical(0x1000), properties: read)
    let holder = Mutex<ThreadIdentifier?>(nil)
    let isDone = Atomic<Bool>(false)
    let thread = WorkerThread {
      _ = try? space.table.withRange(linear(0x1000), byteCount: 0x1000) {
        _ throws(LiveTableError) in
        holder.withLock { $0 = .current }
        while !isDone.load(ordering: .acquiring) {
          var patience = Self.short
          _ = patience.pass()
        }
      }
    }
    while holder.withLock({ $0 }) == nil {
      var patience = Self.short
      _ = patience.pass()
    }
    let named = holder.withLock { $0 }
    // The same page, and a range above it that needs the page's table.
    for (address, count) in [(0x1000, 0x1000), (0, 0x40_0000)] as [(UInt64, UInt64)] {
      do throws(LiveTableError) {
        try space.table.unmap(linear(address), byteCount: count, patience: Self.short)
        Issue.record("the range was locked by two threads")
      } catch .table(.busy(_, _, let found)) {
        #expect(found == named.map { .otherThread($0) })
      } catch {
        Issue.record("\(error)")
      }
    }
    // Reading takes no lock.
    #expect(try space.table.translate(linear(0x1000))?.physicalAddress == physical(0x1000))
    isDone.store(true, ordering: .releasing)
    thread.join()
    #expect(try space.table.unmap(linear(0), byteCount: 0x40_0000).byteCount == 0x1000)
    #expect(try space.problems() == [])
  }

  @Test("Pins that never end are an error, and are named")
  func pins() throws {
    let epochs = EpochDomain<HardwareAccess>(capacity: 2)
    let first = try epochs.pin()
    let second = try epochs.pin()
    #expect(throws: LiveTableError.pinsExhausted(capacity: 2)) {
      _ = try epochs.pin(Self.short)
    }
    #expect(epochs.laggards() == [])
    #expect(epochs.advance())
    // Both are of the epoch before now: nothing goes on until they end, in any order.
    #expect(!epochs.advance())
    #expect(epochs.laggards().map(\.thread) == [.current, .current])
    #expect(epochs.laggards().map(\.epoch) == [0, 0])
    _ = consume first
    #expect(!epochs.advance())
    _ = consume second
    #expect(epochs.advance())
    #expect(epochs.epoch == 2)
  }

  @Test("A processor that does not answer is named, and its pages stay unfreed")
  func silentProcessor() throws {
    let kicks = Mutex<[Int]>([])
    let space = try SharedSpace<SharedPaging> { number in kicks.withLock { $0.append(number) } }
    let table = space.table
    let read = PageProperties(rights: [.read])
    try table.map(linear(0x20_0000), byteCount: 0x1000, to: physical(0), properties: read)
    try table.processors.activate(1)
    try table.processors.activate(3)
    let (bytes, ticket) = try table.unmap(linear(0x20_0000), byteCount: 0x20_0000)
    #expect(bytes == 0x1000 && ticket.processors == [1, 3])
    #expect(kicks.withLock { $0 } == [1, 3])
    // The table of the page was unlinked, and its frame is not free.
    #expect(table.retiredFrameCount == 1)
    for _ in 0..<5 { table.reclaim() }
    #expect(table.retiredFrameCount == 1)
    #expect(throws: FlushTimeout(processors: [1, 3])) {
      try table.sync(ticket, patience: Self.short)
    }
    var requests: [FlushRequest] = []
    #expect(table.processors.handleRequests(1) { requests.append($0) })
    #expect(throws: FlushTimeout(processors: [3])) { try table.sync(ticket, patience: Self.short) }
    #expect(requests.count == 1 && requests.first?.hasTables == true)
    #expect(requests.first?.ranges == [0x20_0000..<0x20_1000])
    // A flush that fails is still to be done.
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try table.processors.handleRequests(3) { _ throws(Failure) in throw Failure() }
    }
    #expect(throws: FlushTimeout(processors: [3])) { try table.sync(ticket, patience: Self.short) }
    var late: [FlushRequest] = []
    #expect(table.processors.handleRequests(3) { late.append($0) })
    #expect(late.first?.ranges == [0x20_0000..<0x20_1000])
    #expect(!table.processors.handleRequests(3) { late.append($0) })
    try table.sync(ticket, patience: Self.short)
    for _ in 0..<3 { table.reclaim() }
    #expect(table.retiredFrameCount == 0)
    #expect(try space.problems() == [])
  }

  @Test("An error after a part of the changes leaves a ticket for that part")
  func ticketAfterError() throws {
    let space = try SharedSpace<SharedPaging>()
    let table = space.table
    let read = PageProperties(rights: [.read])
    try table.map(linear(0x20_0000), byteCount: 0x2000, to: physical(0), properties: read)
    try table.processors.activate(1)
    try table.processors.activate(2)
    #expect(table.processors.ticket() == .nothing)
    #expect(throws: LiveTableError.table(.noRights(0x20_0000))) {
      _ = try table.withRange(linear(0x20_0000), byteCount: 0x20_0000) {
        range throws(LiveTableError) in
        try range.unmap(linear(0x20_0000), byteCount: 0x20_0000)
        try range.map(
          linear(0x20_0000), byteCount: 0x1000, to: physical(0),
          properties: PageProperties(rights: []))
      }
    }
    #expect(try table.translate(linear(0x20_0000)) == nil)
    let ticket = table.processors.ticket()
    #expect(ticket.processors == [1, 2])
    #expect(throws: FlushTimeout(processors: [1, 2])) {
      try table.sync(ticket, patience: Self.short)
    }
    var requests: [FlushRequest] = []
    #expect(table.processors.handleRequests(1) { requests.append($0) })
    #expect(requests.first?.ranges == [0x20_0000..<0x20_2000])
    #expect(table.processors.ticket().processors == [2])
    // One that leaves has dropped everything, and what comes later is not in the ticket.
    try table.processors.deactivate(2)
    try table.sync(ticket, patience: Self.short)
    try table.map(linear(0x1000), byteCount: 0x1000, to: physical(0), properties: read)
    try table.unmap(linear(0x1000), byteCount: 0x1000)
    try table.sync(ticket, patience: Self.short)
    #expect(table.processors.ticket().processors == [1])
    #expect(table.processors.handleRequests(1) { _ in })
    #expect(table.processors.ticket() == .nothing)
    try table.processors.deactivate(1)
    #expect(try space.problems() == [])
  }

  @Test("A processor that leaves needs no answer, and one that comes owes none")
  func leaving() throws {
    let space = try SharedSpace<SharedPaging>(processors: 2)
    let table = space.table
    let read = PageProperties(rights: [.read])
    try table.map(linear(0x1000), byteCount: 0x2000, to: physical(0), properties: read)
    try table.processors.activate(0)
    let first = try table.unmap(linear(0x1000), byteCount: 0x1000).ticket
    try table.processors.deactivate(0)
    try table.sync(first, patience: Self.short)
    try table.processors.activate(0)
    try table.sync(first, patience: Self.short)
    let second = try table.unmap(linear(0x2000), byteCount: 0x1000).ticket
    #expect(throws: FlushTimeout(processors: [0])) { try table.sync(second, patience: Self.short) }
    #expect(throws: LiveTableError.processorState(0, isActive: true)) {
      try table.processors.activate(0)
    }
    #expect(throws: LiveTableError.processorState(1, isActive: false)) {
      try table.processors.deactivate(1)
    }
    for number in [-1, 2] {
      #expect(throws: LiveTableError.noSuchProcessor(number, count: 2)) {
        try table.processors.activate(number)
      }
      #expect(!table.processors.isActive(number))
      #expect(!table.processors.handleRequests(number) { _ in })
    }
    #expect(table.processors.isActive(0))
    try table.processors.deactivate(0)
  }

  @Test("What must be flushed, and what need not be")
  func flushing() throws {
    let space = try SharedSpace<SharedPaging>()
    let table = space.table
    try table.processors.activate(0)
    func request(_ ticket: FlushTicket) -> FlushRequest {
      var all = FlushRequest()
      table.processors.handleRequests(0) { all.add($0) }
      #expect(ticket.processors == (all.isEmpty ? [] : [0]))
      return all
    }
    let read = PageProperties(rights: [.read])
    // Absent to present: nothing.
    try table.map(linear(0x1000), byteCount: 0x3000, to: physical(0), properties: read)
    #expect(request(.nothing).isEmpty)
    func protect(_ change: PropertyChange) throws -> FlushRequest {
      request(try table.protect(linear(0x1000), byteCount: 0x2000, change: change).ticket)
    }
    // More rights, a user page, bits of software: nothing.
    #expect(try protect(PropertyChange(rights: [.read, .write, .execute])).isEmpty)
    #expect(try protect(PropertyChange(isUser: true)).isEmpty)
    #expect(try protect(PropertyChange(softwareBits: 0x155)).isEmpty)
    #expect(try protect(PropertyChange(isAccessed: true, isDirty: true)).isEmpty)
    // Each right that goes, each bit that says something else.
    let changes: [PropertyChange] = [
      PropertyChange(rights: [.read, .execute]), PropertyChange(rights: [.read]),
      PropertyChange(isUser: false), PropertyChange(isGlobal: true),
      PropertyChange(isGlobal: false),
      PropertyChange(isDirty: false), PropertyChange(isAccessed: false),
      PropertyChange(memoryType: .uncacheable), PropertyChange(protectionKey: 3),
      PropertyChange(rights: []),
    ]
    for change in changes {
      #expect(try protect(change).ranges == [0x1000..<0x3000], "\(change)")
      #expect(try protect(change).isEmpty, "again: \(change)")
    }
    // A page without rights is in no cache.
    #expect(try protect(PropertyChange(rights: [.read])).isEmpty)
    // From 32 pages on everything.
    try table.map(linear(0x10_0000), byteCount: 33 << 12, to: physical(0), properties: read)
    let few = request(try table.unmap(linear(0x10_0000), byteCount: 0x1000).ticket)
    #expect(few.ranges == [0x10_0000..<0x10_1000] && !few.hasTables && !few.isEverything)
    let many = request(try table.unmap(linear(0x10_1000), byteCount: 32 << 12).ticket)
    #expect(many.ranges == [0x10_1000..<0x12_1000] && !many.isEverything)
    try table.map(linear(0x10_0000), byteCount: 33 << 12, to: physical(0), properties: read)
    let all = request(try table.unmap(linear(0x10_0000), byteCount: 33 << 12).ticket)
    #expect(all.isEverything && all.ranges.isEmpty)
    // A split drops the large page.
    try table.map(linear(0x40_0000), byteCount: 0x20_0000, to: physical(0), properties: read)
    let split = request(
      try table.protect(
        linear(0x40_0000), byteCount: 0x1000, change: PropertyChange(rights: [.read, .execute])
      ).ticket)
    #expect(split.isEverything)
    try table.processors.deactivate(0)
    #expect(try space.problems() == [])
  }
}
