// What a lock says about its holder, and how a wait for it ends.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("A node's lock names its holder, and every wait for it ends")
struct NodeLockTests {
  /// Calls `body` with each kind of lock.
  static func bothLocks(
    _ body: (_ lock: NodeLock, _ check: any LockCheck.Type) throws -> Void
  ) rethrows {
    try body(.spin, Check<TinyPaging>.self)
    try body(.fair, Check<Fair<TinyPaging>>.self)
  }

  @Test("A thread that would wait for itself is told so at once")
  func selfDeadlock() throws {
    try Self.bothLocks { lock, check in try check.selfDeadlock() }
  }

  @Test("Another thread is told who holds the lock, when its time is over")
  func holder() throws {
    try Self.bothLocks { lock, check in try check.holder() }
  }

  @Test("A thread that has ended keeps its name in the lock that it left behind")
  func endedHolder() throws {
    try Self.bothLocks { lock, check in try check.endedHolder() }
  }

  @Test("Threads that wait for a node that is unlinked are told so")
  func stray() throws {
    try Self.bothLocks { lock, check in try check.stray() }
  }

  @Test("Without patience a lock is only tried, and nobody waits")
  func noPatience() throws {
    try Self.bothLocks { lock, check in try check.noPatience() }
  }

  @Test("Cursors and entries name their thread, and refuse it a second time")
  func cursors() throws {
    try Self.bothLocks { lock, check in try check.cursors() }
  }

  @Test("A thread that only tries does not overtake those who wait")
  func noOvertaking() throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let (waiting, place) = try #require(machine.state.joined())
    machine.tables.metadata.setNodeState(waiting, of: machine.frame)
    let refused = EntryError.busy(nodeAddress: machine.node.table.address, holder: .nobody)
    #expect(machine.withLock(patience: .zero) {} == .refused(refused))
    #expect(refused.message.contains("promised to a thread that waits"))
    #expect(refused.hint == "try again")
    #expect(throws: PageTableError.busy(linearAddress: 0, level: .pageTable, holder: .nobody)) {
      try machine.tables.lock(machine.node.table, level: 1, position: 0)
    }
    // Behind the one that never comes, until time is over; then it leaves nothing.
    #expect(machine.withLock(patience: .milliseconds(2)) {} == .refused(refused))
    #expect(machine.state == waiting)
    machine.tables.metadata.setNodeState(waiting.left(place), of: machine.frame)
    #expect(machine.withLock(patience: .zero) {} == .locked)
  }

  @Test("What a thread that comes to wait writes is kept when the holder counts or releases")
  func joinBetween() throws {
    let machine = try LockMachine<JoinAtRelease>()
    _ = try machine.tables.lock(machine.node.table)
    var isFirst = true
    machine.tables.changeState(of: machine.node.table) {
      // Between the holder's look at the word and its change.
      if isFirst { JoinAtRelease.join(machine.tables.metadata, machine.frame) }
      isFirst = false
      $0.presentCount += 1
    }
    #expect(machine.state.waiterCount == 1 && machine.state.presentCount == 1)
    JoinAtRelease.metadata.withLock { $0 = machine.tables.metadata }
    machine.tables.unlock(machine.node.table)
    #expect(machine.state.waiterCount == 2 && machine.state.presentCount == 1)
    #expect(!machine.state.isLocked && machine.state.holder == nil)
    machine.tables.addPresent(-1, to: machine.node.table)
  }

  @Test("A place in a frame that was freed meanwhile ends the wait, and is not written to")
  func freedFrame() throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let level = try machine.tables.lock(machine.node.table)
    #expect(level == .pageTable)
    let result = Mutex<LockResult?>(nil)
    let isFree = NodeState(rawValue: 0x1234_5600)
    withThreads(1) { _ in
      let ended = machine.withLock(patience: .seconds(20)) {}
      result.withLock { $0 = ended }
    } while: {
      #expect(machine.wait { $0.waiterCount == 1 })
      machine.tables.metadata.setNodeState(isFree, of: machine.frame)
    }
    #expect(
      result.withLock { $0 } == .refused(.stray(nodeAddress: machine.node.table.address)))
    #expect(machine.state == isFree)
    machine.tables.metadata.setNodeState(
      NodeState(level: .pageTable, presentCount: 0), of: machine.frame)
  }

  @Test("Any duration is a number of nanoseconds")
  func durations() {
    let cases: [(Duration, UInt64)] = [
      (.zero, 0), (.seconds(-1), 0), (.nanoseconds(-1), 0), (.nanoseconds(1), 1),
      (.nanoseconds(1) / 2, 0), (.seconds(3), 3_000_000_000), (.seconds(Int64.max), .max),
      (NodeLock.defaultPatience, NodeLock.defaultNanoseconds),
      (.seconds(18_446_744_073) + .nanoseconds(709_551_615), .max),
      (.seconds(18_446_744_073) + .nanoseconds(709_551_614), .max - 1),
    ]
    for (duration, nanoseconds) in cases {
      #expect(duration.nanosecondsToWait == nanoseconds, "\(duration)")
    }
  }

  /// The calling thread's number, as the file system tells it: the end of `PID/task/TID`.
  static var procIdentifier: UInt32? {
    var characters = [CChar](repeating: 0, count: 64)
    // SAFETY: the path is a literal, and the buffer has room for 64 characters.
    let count = unsafe readlink("/proc/thread-self", &characters, 64)
    let text = String(
      decoding: characters.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.split(separator: "/").last.flatMap { UInt32($0) }
  }

  @Test("A thread's name is the kernel's, and every thread has its own")
  func identifiers() {
    let seen = Mutex<Set<ThreadIdentifier>>([.current])
    withThreads(8) { _ in
      let mine = ThreadIdentifier.current
      #expect(mine == .current && mine.rawValue == Self.procIdentifier)
      seen.withLock { _ = $0.insert(mine) }
      while seen.withLock({ $0.count }) < 9 { sched_yield() }
    }
    #expect(seen.withLock { $0.count } == 9)
  }
}

/// Fair locks, where somebody comes to wait at the very moment of a release.
enum JoinAtRelease: PageTableConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var nodeLock: NodeLock { .fair }
  /// Where somebody comes to wait, once a test says so.
  static let metadata = Mutex<FrameMetadataView?>(nil)

  static func willUnlock(frame: UInt64, level: Level) {
    if let view = metadata.withLock({ $0 }) { join(view, frame) }
  }

  /// One more waiter, as if by another thread.
  static func join(_ metadata: FrameMetadataView, _ frame: UInt64) {
    let state = metadata.nodeState(of: frame)
    guard let (next, _) = state.joined() else { return }
    _ = metadata.replace(state, by: next, of: frame)
  }
}
