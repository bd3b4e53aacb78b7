// TripleFaultReplay: the way to a triple fault once more, to the instruction before it.

import GuestMem
import KVM
import MMU

/// Finds the registers that kvm_amd takes away at a triple fault.
///
/// The guest is started again from a copy of what it was started with, and led on by single steps. Where that
/// does not reach its end, it is started again and let run for a part of the time that it lived: for less
/// where it dies meanwhile, for more where it does not, until the rest is short enough for single steps. A
/// guest without interrupts comes to the same end each time, unless it depends on the time-stamp counter or on
/// random numbers; then nothing may be found.
///
/// Source: Linux, arch/x86/kvm/svm/svm.c (shutdown_interception): the VMCB is undefined after a shutdown,
/// so that KVM initializes the vCPU.
final class TripleFaultReplay {
  /// Nil where it is not needed, or the host has no memory for it.
  private let original: GuestMemory?
  private let start: StartRegisters

  /// So many instructions are single steps at most, and where the time that is left is short.
  private static let stepCount = 20_000
  private static let lastStepCount = 100_000
  /// A time than which a timer is not more exact.
  private static let shortTime: Duration = .microseconds(100)

  /// Keeps what the guest is started with, where that is needed.
  init(_ memory: borrowing GuestMemory, _ start: StartRegisters, isNeeded: Bool) {
    original = isNeeded ? (try? memory.contentCopy()) : nil
    self.start = start
  }

  /// The registers before the instruction with which the guest died, `duration` after its start; nil
  /// where none is found within `limit`.
  func registersBeforeFault(
    _ device: borrowing Device, _ processor: SupportedProcessor, after duration: Duration,
    limit: Duration, _ isStopRequested: () -> Bool
  ) throws(KVMError) -> GuestRegisters? {
    let deadline = ContinuousClock.now + limit
    var low: Duration = .zero
    // With what the first run took beside the guest's own time.
    var high = duration
    var now: Duration = .zero
    while ContinuousClock.now < deadline, !isStopRequested() {
      guard let memory = copyOfOriginal() else { return nil }
      var guest = try KVMGuest(device, processor, memory: memory.view, output: GuestOutput { _ in })
      try guest.enter(start)
      switch now == .zero ? .timeLimitReached : try guest.advance(limit: now) {
      case .ended(.tripleFault): high = now
      // A part of the whole as well: some hosts take a microsecond for each instruction.
      case .timeLimitReached where now == .zero || high - low <= max(Self.shortTime, duration / 64):
        let count = high - low <= Self.shortTime ? Self.lastStepCount : Self.stepCount
        switch try Self.steps(&guest, count, deadline) {
        case .found(let registers): return registers
        case .otherEnd: return nil
        case .none: low = now
        }
      case .timeLimitReached: low = now
      case .stepped, .ended: return nil
      }
      if high - low < Self.shortTime / 8 {
        // The end is not where it was: a timer that was late, or a busy host.
        low = max(.zero, low - Self.shortTime)
        high += Self.shortTime
      }
      now = (low + high) / 2
    }
    return nil
  }

  private func copyOfOriginal() -> GuestMemory? {
    switch original {
    case .some(let memory): try? memory.contentCopy()
    case .none: nil
    }
  }

  private enum Found {
    case found(GuestRegisters)
    case otherEnd
    case none
  }

  private static func steps(
    _ guest: inout KVMGuest, _ count: Int, _ deadline: ContinuousClock.Instant
  ) throws(KVMError) -> Found {
    for _ in 0..<count {
      let registers = try guest.registers
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return .none }
      switch try guest.step(limit: min(left, .milliseconds(100))) {
      case .stepped: continue
      case .ended(.tripleFault): return .found(registers)
      case .ended: return .otherEnd
      case .timeLimitReached: return .none
      }
    }
    return .none
  }
}
