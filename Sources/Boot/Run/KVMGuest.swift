// KVMGuest: a virtual machine with one vCPU, the memory of a kernel and a few ports.

import GuestMem
import KVM
import MMU

/// A guest of KVM, which somebody lets run for a while, or for one instruction.
struct KVMGuest: ~Copyable {
  // Alive as long as the guest runs.
  private let machine: VirtualMachine
  private let memory: MemoryView
  var cpu: VirtualCPU
  var devices: BootDevices
  private var isStepping = false

  /// What became of a guest that was let run.
  enum Advance: Hashable {
    case ended(BootEnd)
    case timeLimitReached
    case stepped
  }

  /// A virtual machine with `memory` from physical address 0 on, and a processor that was not started yet.
  init(
    _ device: borrowing Device, _ processor: SupportedProcessor, memory: MemoryView,
    output: GuestOutput
  ) throws(KVMError) {
    let machine = try device.makeVirtualMachine()
    machine.reserveHostPages(at: GuestPhysicalAddress(truncating: 0xfeff_c000))
    // SAFETY: the view keeps its memory as long as this value has it, and the range is the whole of it.
    try unsafe machine.setMemorySlot(
      0, at: GuestPhysicalAddress(truncating: 0), memory: memory.baseAddress,
      byteCount: memory.byteCount)
    let cpu = try machine.makeVirtualCPU()
    try cpu.setProcessor(processor)
    self.machine = machine
    self.memory = memory
    self.cpu = cpu
    devices = BootDevices(output: output)
  }

  /// Puts the processor where the kernel is entered.
  mutating func enter(_ start: StartRegisters) throws(KVMError) {
    try cpu.setSpecialRegisters(start.special(try cpu.specialRegisters()))
    try cpu.setRegisters(start.general)
  }

  /// The registers of this moment.
  var registers: GuestRegisters {
    get throws(KVMError) {
      GuestRegisters(try cpu.registers(), try cpu.specialRegisters())
    }
  }

  /// Lets the guest run until it ends or the time is up.
  mutating func advance(limit: Duration) throws(KVMError) -> Advance {
    if isStepping {
      try cpu.setSingleStep(false)
      isStepping = false
    }
    return try go(limit: limit)
  }

  /// Lets the guest execute one instruction.
  ///
  /// Where the processor walks the guest's tables itself, an instruction whose exception is delivered is
  /// not left before the time is up: its handler runs without RFLAGS.TF.
  mutating func step(limit: Duration) throws(KVMError) -> Advance {
    // Each time: KVM sets RFLAGS.TF for the RIP of this moment, and loses it where it emulates an instruction.
    // Source: Linux, arch/x86/kvm/x86.c (__kvm_set_rflags, singlestep_rip).
    try cpu.setSingleStep(true)
    isStepping = true
    return try go(limit: limit)
  }

  private mutating func go(limit: Duration) throws(KVMError) -> Advance {
    let deadline = ContinuousClock.now + limit
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return .timeLimitReached }
      switch try cpu.run(limit: left) {
      case .portWrite(let port, let byteCount, let value):
        let bytes = cpu.portBytes
        if let end = devices.write(bytes, byteCount, value, to: port) { return .ended(end) }
      case .portRead(let port, _): cpu.answerPortRead(devices.read(from: port))
      case .mmioWrite: break
      // No device answers.
      case .mmioRead: cpu.answerMMIORead(.max)
      // There is no source of interrupts.
      case .halted: return .ended(.halted)
      case .shutdown: return .ended(.tripleFault)
      case .internalError(let suberror):
        return .ended(suberror == 1 ? .cannotExecute : .machineError(UInt64(suberror)))
      case .entryFailed(let reason): return .ended(.machineError(reason))
      case .other(let reason): return .ended(.machineError(UInt64(reason)))
      case .debug: return .stepped
      case .kicked, .timeLimitReached: return .timeLimitReached
      }
    }
  }
}
