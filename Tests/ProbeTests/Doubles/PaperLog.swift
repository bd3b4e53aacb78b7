// PaperLog: what machines on paper were asked.

import Synchronization

/// What machines on paper were asked, in order.
final class PaperLog: Sendable {
  private struct State: Sendable {
    var accesses: [PaperAccess] = []
    var machineCount = 0
    var batchCount = 0
    var discardCount = 0
    var resetCount = 0
    var isOn = false
  }

  private let state = Mutex(State())

  /// Notes accesses from now on.
  func begin() {
    state.withLock {
      $0.accesses = []
      $0.isOn = true
    }
  }

  /// The accesses since the beginning.
  var accesses: [PaperAccess] { state.withLock { $0.accesses } }
  var machineCount: Int { state.withLock { $0.machineCount } }
  var batchCount: Int { state.withLock { $0.batchCount } }
  var discardCount: Int { state.withLock { $0.discardCount } }
  var resetCount: Int { state.withLock { $0.resetCount } }

  func noteMachine() { state.withLock { $0.machineCount += 1 } }
  func noteBatch() { state.withLock { $0.batchCount += 1 } }
  func noteDiscard() { state.withLock { $0.discardCount += 1 } }
  func noteReset() { state.withLock { $0.resetCount += 1 } }
  func note(_ access: PaperAccess) {
    state.withLock { if $0.isOn { $0.accesses.append(access) } }
  }
}
