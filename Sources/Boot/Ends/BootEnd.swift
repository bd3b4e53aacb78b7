// BootEnd: how a guest ended.

/// How a guest ended.
package enum BootEnd: Hashable, Sendable {
  /// The guest wrote this byte to port 0xf4.
  case guestExit(UInt8)
  /// HLT, after which nothing can happen: interrupts are off, or the machine has none.
  case halted
  /// A triple fault.
  case tripleFault
  /// One fault came again and again, at the same instruction, with the same stack and address.
  case endlessFault
  /// The guest turned the machine off or reset it.
  case reset
  /// KVM cannot execute an instruction.
  case cannotExecute
  /// KVM gave up for another reason, by its number.
  case machineError(UInt64)
  /// The time limit came first.
  case timeLimit
  /// Somebody asked the program to stop.
  case interrupted

  /// The stable name of the case, the same in every output format.
  package var id: String {
    switch self {
    case .guestExit: "guest-exit"
    case .halted: "halted"
    case .tripleFault: "triple-fault"
    case .endlessFault: "endless-fault"
    case .reset: "reset"
    case .cannotExecute: "cannot-execute"
    case .machineError: "machine-error"
    case .timeLimit: "time-limit"
    case .interrupted: "interrupted"
    }
  }
}

/// What is known of a guest that ended.
package struct BootOutcome: Sendable {
  /// How it ended.
  package var end: BootEnd
  /// Its registers at that moment; nil where the machine is gone with them.
  package var registers: GuestRegisters?
  /// What the machine itself told of exceptions; nil where it tells nothing.
  package var faults: FaultLog?
  /// What CR2 held at the start, by which it is known whether there was a page fault; nil where it is
  /// not known.
  package var initialCR2: UInt64?
  /// The machine reset the processor at its end.
  ///
  /// What ``registers`` holds, if anything, is from a repetition of the boot, before the instruction at which
  /// the guest ended: CR2 is not that of the last fault.
  package var areRegistersErased = false
  /// HLT with RFLAGS.IF set on a machine without interrupts, as KVM's here is: the kernel did nothing wrong.
  package var waitsForInterrupt: Bool {
    end == .halted && registers?.areInterruptsEnabled == true
  }
  /// The processor.
  package var processor: ProcessorModel
  /// The machine in words, such as `QEMU's emulator`.
  package var machine: String
  /// What the guest wrote to its serial line and to port 0xe9: the last 64 KiB.
  package var output: [UInt8] = []
  /// How long it ran.
  package var duration: Duration = .zero
}
