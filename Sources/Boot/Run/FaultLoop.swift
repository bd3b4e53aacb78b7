// FaultLoop: the proof that a guest comes back to one fault for ever.

import GuestMem
import KVM
import MMU

/// A guest that is tried in a copy, of its memory and of its processor, which nobody sees.
///
/// In the copy the guest goes to the end of a handler by single steps: to the IRETQ that leads back, or to
/// the instruction that it led to. Then it runs for a while, and goes there again. Where it is found there
/// twice, and elsewhere in between, with all registers and all memory as they were, nothing has changed that
/// its next steps depend on.
/// A kernel that counts its faults, or mends each and faults elsewhere, is no such guest. One that waits for
/// the time-stamp counter by faults alone is taken for one.
struct FaultLoop: ~Copyable {
  private var guest: KVMGuest
  private let memory: GuestMemory
  private let model: ProcessorModel
  /// Where frames on the stack lead back to, since the guest was last at an instruction of these.
  private var origins: Set<Place> = []
  private var seen: Set<State> = []
  /// The registers at the last end of a handler, and whether the guest was found elsewhere since then.
  private var last: GuestRegisters?
  private var hasLeft = true

  private struct Place: Hashable {
    let rip: UInt64
    let rsp: UInt64
  }

  private struct State: Hashable {
    let registers: GuestRegisters
    let extended: [UInt8]
    let memory: MemoryDigest
  }

  /// So many words of the stack are searched for a frame.
  private static let wordCount: UInt64 = 32
  /// So often the guest is let run, and as many instructions it may take to go back each time.
  private static let roundCount = 16
  private static let stepCount = 2048
  /// So many steps may leave it where it is.
  private static let stayCount = 4

  /// Copies the processor of a guest that does not run now; `memory` is a copy of its memory.
  init(
    of original: borrowing KVMGuest, memory: consuming GuestMemory, _ device: borrowing Device,
    _ processor: SupportedProcessor, _ model: ProcessorModel
  ) throws(KVMError) {
    var copy = try KVMGuest(device, processor, memory: memory.view, output: GuestOutput { _ in })
    try copy.cpu.setState(try original.cpu.state())
    guest = copy
    self.memory = memory
    self.model = model
  }

  /// The registers at the instruction that faults for ever, before its fault; nil where that is not
  /// proved within `limit`.
  mutating func registersAtFault(limit: Duration) throws(KVMError) -> GuestRegisters? {
    let deadline = ContinuousClock.now + limit
    var pause: Duration = .microseconds(200)
    for _ in 0..<Self.roundCount {
      switch try goBack(deadline) {
      case .wasThere(let registers): return registers
      case .isElsewhere: return nil
      case .isThere, .doesNotStop: break
      }
      guard ContinuousClock.now < deadline,
        try guest.advance(limit: pause) == .timeLimitReached
      else { return nil }
      // Not in step with the guest.
      pause += .microseconds(130)
    }
    return nil
  }

  /// What single steps led to.
  private enum WayBack {
    /// The end of a handler, for the second time in one state, with the registers behind it.
    case wasThere(GuestRegisters)
    /// The end of a handler.
    case isThere
    /// No end of a handler, or that of the guest.
    case isElsewhere
    /// A step that does not end: an exception on its way.
    case doesNotStop
  }

  /// Steps until the guest is at the end of a handler.
  private mutating func goBack(
    _ deadline: ContinuousClock.Instant
  ) throws(KVMError) -> WayBack {
    for index in 0..<Self.stepCount {
      let registers = try guest.registers
      noteFrames(registers)
      // A guest that was not let run yet is where it was: it must have been elsewhere.
      if registers != last { hasLeft = true }
      if hasLeft, let behind = registersBehindHandler(registers) {
        origins = []
        hasLeft = false
        last = registers
        guard let digest = MemoryDigest(memory) else { return .isElsewhere }
        let state = State(
          registers: registers, extended: try guest.cpu.state().extendedBytes, memory: digest)
        return seen.insert(state).inserted ? .isThere : .wasThere(behind)
      }
      // A host that does not stop behind IRETQ comes back to it with each step.
      if !hasLeft && index >= Self.stayCount { return .isThere }
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return .isElsewhere }
      switch try guest.step(limit: min(left, .milliseconds(2))) {
      case .stepped: continue
      case .timeLimitReached: return .doesNotStop
      case .ended: return .isElsewhere
      }
    }
    return .isElsewhere
  }

  /// The registers at an instruction that a frame led to: these, or those that IRETQ at RIP makes.
  ///
  /// Some hosts do not stop between IRETQ and the next instruction.
  ///
  /// Source: Intel SDM volume 2A, IRET (RIP, CS, RFLAGS, RSP and SS are popped).
  private func registersBehindHandler(_ registers: GuestRegisters) -> GuestRegisters? {
    if origins.contains(Place(rip: registers.rip, rsp: registers.rsp)) { return registers }
    guard let linear = linear(registers),
      linear.bytes(Access(.fetch), at: registers.rip, count: 2) == [0x48, 0xcf],
      let rip = linear.word(at: registers.rsp), let cs = linear.word(at: registers.rsp &+ 8),
      let flags = linear.word(at: registers.rsp &+ 16),
      let rsp = linear.word(at: registers.rsp &+ 24),
      origins.contains(Place(rip: rip, rsp: rsp))
    else { return nil }
    var behind = registers
    behind.rip = rip
    behind.rsp = rsp
    behind.rflags = flags
    behind.cpl = UInt8(truncatingIfNeeded: cs & 3)
    return behind
  }

  private func linear(_ registers: GuestRegisters) -> LinearMemory<MemoryView>? {
    guard registers.isLongMode, let configuration = model.configuration(registers) else {
      return nil
    }
    return LinearMemory(
      memory: memory.view, tables: PageTables(cr3: registers.cr3, configuration: configuration),
      mode: registers.mode)
  }

  private mutating func noteFrames(_ registers: GuestRegisters) {
    guard let linear = linear(registers) else { return }
    let words = (0..<Self.wordCount).map { linear.word(at: registers.rsp &+ $0 * 8) }
    // RIP, CS, RFLAGS, RSP. Source: Intel SDM volume 3A, section 7.14.2.
    for index in 0..<words.count - 3 {
      guard let rip = words[index], let cs = words[index + 1], cs != 0, cs < 1 << 16,
        let flags = words[index + 2], flags & 2 != 0, flags >> 22 == 0,
        let rsp = words[index + 3], origins.count < 64
      else { continue }
      origins.insert(Place(rip: rip, rsp: rsp))
    }
  }
}
