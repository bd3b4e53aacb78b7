// LockCheck: what holds of both kinds of lock.

import Glibc
import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

/// The checks of one kind of lock.
protocol LockCheck {
  static func selfDeadlock() throws
  static func holder() throws
  static func endedHolder() throws
  static func stray() throws
  static func noPatience() throws
  static func cursors() throws
}

/// The checks of the lock of one configuration.
enum Check<Configuration: PageTableConfiguration>: LockCheck {
  static func selfDeadlock() throws {
    let machine = try LockMachine<Configuration>()
    let address = machine.node.table.address
    let start = ContinuousClock.now
    let outer = machine.withLock(patience: .zero) {
      let inner = machine.withLock(patience: .seconds(600)) {}
      let error = EntryError.busy(nodeAddress: address, holder: .thisThread(.current))
      #expect(inner == .refused(error))
      #expect(error.message.contains("is locked by this thread"))
      #expect(error.hint.contains("of this thread"))
    }
    #expect(outer == .locked)
    // Without waiting.
    #expect(ContinuousClock.now - start < .seconds(600))
    #expect(machine.isIdle && !machine.state.isStray)
  }

  static func holder() throws {
    let machine = try LockMachine<Configuration>()
    let worker = Mutex<ThreadIdentifier?>(nil)
    let isDone = Atomic<Bool>(false)
    withThreads(1) { _ in
      let result = machine.withLock(patience: .zero) {
        worker.withLock { $0 = .current }
        while !isDone.load(ordering: .acquiring) { sched_yield() }
      }
      #expect(result == .locked)
    } while: {
      #expect(machine.wait { $0.isLocked })
      while worker.withLock({ $0 }) == nil { sched_yield() }
      let start = ContinuousClock.now
      let result = machine.withLock(patience: .milliseconds(20)) {}
      let elapsed = ContinuousClock.now - start
      #expect(elapsed >= .milliseconds(19))
      let name = worker.withLock { $0 }
      #expect(machine.state.holder == name)
      if let name {
        let error = EntryError.busy(
          nodeAddress: machine.node.table.address, holder: .otherThread(name))
        #expect(result == .refused(error))
        #expect(error.message.contains("is locked by thread \(name.rawValue)"))
      }
      #expect(machine.state.waiterCount == 0)
      isDone.store(true, ordering: .releasing)
    }
    #expect(machine.isIdle && !machine.state.isStray)
  }

  static func endedHolder() throws {
    let machine = try LockMachine<Configuration>()
    let worker = Mutex<ThreadIdentifier?>(nil)
    withThreads(1) { _ in
      worker.withLock { $0 = .current }
      do { _ = try machine.tables.lock(machine.node.table) } catch { Issue.record(error) }
    }
    let name = try #require(worker.withLock { $0 })
    #expect(machine.state.holder == name)
    let result = machine.withLock(patience: .milliseconds(1)) {}
    #expect(
      result
        == .refused(
          .busy(nodeAddress: machine.node.table.address, holder: .otherThread(name))))
    machine.tables.unlock(machine.node.table)
    #expect(machine.isIdle && !machine.state.isStray)
  }

  static func stray() throws {
    let machine = try LockMachine<Configuration>()
    let results = Mutex<[LockResult]>([])
    let started = Atomic<Int>(0)
    let held = machine.withLock(patience: .zero) {
      withThreads(5) { _ in
        started.add(1, ordering: .releasing)
        let result = machine.withLock(patience: .seconds(30)) {}
        results.withLock { $0.append(result) }
      } while: {
        while started.load(ordering: .acquiring) < 5 { sched_yield() }
        if Configuration.nodeLock == .fair { #expect(machine.wait { $0.waiterCount == 5 }) }
        machine.node.markStray()
      }
    }
    #expect(held == .locked)
    let expected = LockResult.refused(.stray(nodeAddress: machine.node.table.address))
    #expect(results.withLock { $0 } == Array(repeating: expected, count: 5))
    let state = machine.state
    #expect(state.isStray && !state.isLocked && state.holder == nil && state.queueLength == 0)
    #expect(machine.withLock(patience: .seconds(30)) {} == expected)
  }

  static func noPatience() throws {
    let machine = try LockMachine<Configuration>()
    let held = machine.withLock(patience: .zero) {
      let before = machine.state
      withThreads(1) { _ in
        for _ in 0..<10_000 {
          let result = machine.withLock(patience: .zero) {}
          guard case .refused(.busy) = result, machine.state == before else {
            Issue.record("\(result), \(machine.state)")
            return
          }
        }
      }
    }
    #expect(held == .locked)
  }

  static func cursors() throws {
    var world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 64)
    let plain = PageProperties(rights: [.read, .write])
    try world.table.map(
      linear(0), byteCount: 0x1000, to: physical(0), properties: plain,
      allocator: &world.allocator)
    var copy = try world.table.shallowCopy()
    let root = world.table.root
    let me = LockHolder.thisThread(.current)
    // The levels below the covering node belong to the first cursor.
    try world.table.withCursor(
      linear(0), byteCount: 0x2000, minimumLevel: .pageMapLevel4, allocator: &world.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      _ = try cursor.query()
      #expect(cursor.contractViolations() == [])
      for level in 1...4 as ClosedRange<UInt8> {
        let error = #expect(throws: PageTableError.self) {
          try copy.withCursor(
            linear(0), byteCount: 0x1000, minimumLevel: Level(rawValue: level) ?? .pageTable,
            allocator: &allocator
          ) { (_, _) throws(PageTableError) in }
        }
        guard case .busy(_, _, let holder) = error else {
          Issue.record("level \(level): \(String(describing: error))")
          continue
        }
        #expect(holder == me)
        #expect(error?.message.contains("is locked by this thread") == true)
        #expect(error?.hint.contains("of this thread") == true)
      }
      // A busy host may take its time; a wait would take a second each time.
      var shortest = Duration.seconds(1)
      for _ in 0..<20 where shortest >= .seconds(1) {
        let start = ContinuousClock.now
        #expect(throws: EntryError.busy(nodeAddress: root.address, holder: me)) {
          try copy.withRoot(allocator: &allocator) { (_, _) throws(EntryError) in }
        }
        shortest = min(shortest, ContinuousClock.now - start)
      }
      #expect(shortest < .seconds(1))
    }
    // An entry's new node is held by this thread before anybody can reach it.
    try world.table.withEntry(
      for: linear(0x4000), downTo: .pageDirectory, allocator: &world.allocator
    ) { (entry, allocator) throws(EntryError) in
      let made = try entry.allocateIfNone(allocator: &allocator)
      guard let node = made else {
        Issue.record("no node was made")
        return
      }
      #expect(node.contractViolations() == [])
      let frame = node.table.frame
      #expect(allocator.metadata.nodeState(of: frame).holder == .current)
      let error = #expect(throws: EntryError.self) { _ = try entry.lockChild() }
      guard case .busy(let address, let holder) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(address == frame << 12 && holder == me)
      withExtendedLifetime(node) {}
    }
    copy.destroy(allocator: &world.allocator)
    #expect(world.violations == [])
  }
}
