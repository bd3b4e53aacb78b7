// Threads that wait for a fair lock, a few at a time: each ends with the lock or with a reason.

import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("A thread that waits for a fair lock gets it when its turn comes, or leaves no trace")
struct WaitingThreadTests {
  @Test("As many threads as wait are served in turn", arguments: 1...4)
  func served(count: Int) throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let results = Mutex<[LockResult]>([])
    var threads: [WorkerThread] = []
    let held = machine.withLock(patience: .zero) {
      for number in 0..<count {
        threads.append(
          WorkerThread {
            let result = machine.withLock(patience: .seconds(60)) {
              #expect(machine.state.holder == .current)
              machine.append(UInt64(number))
            }
            results.withLock { $0.append(result) }
          })
        #expect(machine.wait { $0.waiterCount == number + 1 })
      }
      #expect(machine.list == [], "nobody is let in beside the holder")
    }
    for thread in threads { thread.join() }
    #expect(held == .locked)
    #expect(results.withLock { $0 } == Array(repeating: .locked, count: count))
    #expect(machine.list == (0..<UInt64(count)).map { $0 })
    #expect(machine.isIdle)
  }

  @Test("One that gives up names the holder, and those behind it are served", arguments: 0..<3)
  func leaving(quitter: Int) throws {
    let machine = try LockMachine<Fair<TinyPaging>>()
    let results = Mutex<[Int: LockResult]>([:])
    var threads: [WorkerThread] = []
    let holder = ThreadIdentifier.current
    let held = machine.withLock(patience: .zero) {
      for number in 0..<3 {
        let patience = number == quitter ? Duration.milliseconds(200) : .seconds(60)
        threads.append(
          WorkerThread {
            let result = machine.withLock(patience: patience) { machine.append(UInt64(number)) }
            results.withLock { $0[number] = result }
          })
        #expect(
          machine.wait {
            $0.waiterCount == number + 1 || number > quitter
              || results.withLock { $0[quitter] != nil }
          })
      }
      #expect(machine.wait { _ in results.withLock { $0.count } == 1 })
      #expect(machine.wait { $0.waiterCount == 2 })
    }
    for thread in threads { thread.join() }
    #expect(held == .locked)
    let refused = LockResult.refused(
      .busy(nodeAddress: machine.node.table.address, holder: .otherThread(holder)))
    for number in 0..<3 {
      #expect(results.withLock { $0[number] } == (number == quitter ? refused : .locked))
    }
    #expect(Set(machine.list) == Set((0..<3).filter { $0 != quitter }.map { UInt64($0) }))
    #expect(machine.isIdle)
  }
}
