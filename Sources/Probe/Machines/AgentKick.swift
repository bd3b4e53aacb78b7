// AgentKick: how a thread makes the agent drop its translations while another thread runs it.

internal import CLinux
import GuestImages
import GuestMem
import MMU
import Synchronization

/// A machine whose guest can be interrupted while it runs, on another thread, and drops every translation
/// then.
package protocol KickableMachine: Machine {
  /// Makes the guest drop every translation that it has; whoever calls changed tables before.
  ///
  /// A guest that runs is interrupted, and goes on; one that does not run has nothing to do, because each
  /// batch begins with dropping every translation.
  ///
  /// - Returns: false when the guest has not answered within `limit`.
  ///
  /// - Throws: ``MachineError`` for a machine whose batches do not begin so.
  func dropTranslations(within limit: Duration) throws(MachineError) -> Bool
}

/// The words by which kicks are asked for and answered, and whether the guest runs.
///
/// Whoever runs a batch says so before the guest drops its translations and walks the tables; whoever
/// kicks has changed them before it looks. So either the guest is seen to run and gets an interrupt, or
/// what it walks is new.
final class AgentKick: Sendable {
  private let agent: MemoryView
  private let isRunning = Atomic<Bool>(false)
  private let request = Mutex<UInt64>(0)

  init(_ agent: MemoryView) { self.agent = agent }

  private func place(_ offset: Int32) -> GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: UInt64(KVMPT_PARAMETERS + offset))
  }

  /// Says that a guest is about to run whose gates are loaded already, or will be.
  func beginRun(hasGates: Bool) {
    if hasGates { agent.storeWord(.max, at: place(KVMPT_MAIL_KICK_READY)) }
    isRunning.store(true, ordering: .sequentiallyConsistent)
  }

  func endRun() { isRunning.store(false, ordering: .sequentiallyConsistent) }

  /// Interrupts a guest that runs by `interrupt`, and waits until it has answered or does not run any more.
  func callGuest<Failure: Error>(
    within limit: Duration, interrupt: () throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    guard isRunning.load(ordering: .sequentiallyConsistent) else { return true }
    let end = ContinuousClock.now + limit
    // Before its first batch a guest has no gates, and no translations of the tables either.
    while agent.loadWord(at: place(KVMPT_MAIL_KICK_READY)) != .max {
      guard isRunning.load(ordering: .sequentiallyConsistent) else { return true }
      guard ContinuousClock.now < end else { return false }
      pauseBriefly()
    }
    let number = request.withLock { request in
      request += 1
      agent.storeWord(request, at: place(KVMPT_MAIL_KICK_REQUEST))
      return request
    }
    try interrupt()
    while (agent.loadWord(at: place(KVMPT_MAIL_KICK_DONE)) ?? 0) < number {
      guard isRunning.load(ordering: .sequentiallyConsistent) else { return true }
      guard ContinuousClock.now < end else { return false }
      clinux_pause()
      clinux_yield()
    }
    return true
  }
}
