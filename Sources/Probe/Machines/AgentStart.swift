// AgentStart: the registers with which a batch begins, in 64-bit mode from the first instruction.

internal import CKVM
import GuestImages
import MMU

/// The processor state at the start of a batch.
///
/// Source: Intel SDM volume 3A, sections 3.4.3 (segment registers) and 10.8.5 (IA-32e mode).
struct AgentStart {
  private let batch: AgentBatch
  private let window: UInt64

  init(_ batch: AgentBatch) {
    self.batch = batch
    window = batch.windowAddress
  }

  private var isUser: Bool { batch.privilege == .user }

  /// The linear address of the batch's loop, and of where it goes on after a probe.
  var loop: (start: UInt64, landing: UInt64) {
    let code =
      isUser
      ? window &+ UInt64(KVMPT_USER_ALIAS + KVMPT_USER_CODE)
      : window &+ UInt64(KVMPT_SUPERVISOR_CODE)
    let start = code &+ batch.loop.rawValue * UInt64(KVMPT_LOOP_SPACING)
    let landing: Int32 =
      switch batch.loop {
      case .read: KVMPT_LANDING_READ
      case .write: KVMPT_LANDING_WRITE
      case .fetch: KVMPT_LANDING_FETCH
      case .lockedOr: KVMPT_LANDING_LOCKED_OR
      case .push: KVMPT_LANDING_PUSH
      case .call: KVMPT_LANDING_CALL
      case .pop: KVMPT_LANDING_POP
      case .descriptor: KVMPT_LANDING_DESCRIPTOR
      case .store: KVMPT_LANDING_STORE
      case .invalidate: KVMPT_LANDING_INVLPG
      case .loadCR0, .loadCR3, .loadCR4: KVMPT_LANDING_CONTROL
      }
    return (start, start &+ UInt64(landing))
  }

  /// What the start code pops: RFLAGS and RIP, or a frame for IRETQ.
  var frame: [UInt64] {
    guard isUser else {
      return [2 | (batch.state.isAlignmentCheckFlagSet ? 1 << 18 : 0), loop.start]
    }
    // Descriptor reads must not heed AC; nothing in their loop is misaligned.
    let flags: UInt64 =
      batch.loop == .descriptor && batch.state.isAlignmentCheckFlagSet ? 2 | 1 << 18 : 2
    return [
      loop.start, UInt64(KVMPT_USER_CS), flags, window &+ UInt64(KVMPT_STACK_TOP),
      UInt64(KVMPT_USER_DS),
    ]
  }

  /// The general registers; `flushes` lets the guest forget its translations first.
  func registers(flushes: Bool) -> kvm_regs {
    var registers = kvm_regs()
    let usesDescriptors = isUser && batch.loop == .descriptor
    let start =
      switch (isUser, flushes) {
      case (true, false) where usesDescriptors: KVMPT_START_DESCRIPTOR
      case (true, true) where usesDescriptors: KVMPT_START_FLUSH_DESCRIPTOR
      case (false, false): KVMPT_START_SUPERVISOR
      case (true, false): KVMPT_START_USER
      case (false, true): KVMPT_START_FLUSH_SUPERVISOR
      case (true, true): KVMPT_START_FLUSH_USER
      }
    registers.rip = window &+ UInt64(start)
    registers.rsp = window &+ UInt64(KVMPT_START_FRAME)
    registers.rflags = 2
    registers.rcx = UInt64(clamping: batch.recordCount)
    registers.rsi =
      window &+ UInt64(KVMPT_RECORDS) &+ (isUser ? UInt64(KVMPT_USER_ALIAS) : 0)
    registers.rdx = loop.landing
    return registers
  }

  /// The table of gates that fits the batch.
  private var gateTable: Int {
    if isUser { return Int(KVMPT_HANDLERS_USER) }
    if batch.loop.usesStack { return Int(KVMPT_GATES_FAULT_STACK) }
    return Int(
      batch.state.isAlignmentCheckFlagSet ? KVMPT_HANDLERS_FLAGS : KVMPT_HANDLERS_SUPERVISOR)
  }

  /// Segments, descriptor tables and control registers.
  var specialRegisters: kvm_sregs {
    var registers = kvm_sregs()
    registers.cr0 = batch.state.cr0
    registers.cr3 = batch.cr3
    registers.cr4 = batch.state.cr4
    registers.efer = batch.state.efer
    registers.apic_base = 0xfee0_0900
    registers.cs = Self.segment(selector: KVMPT_SUPERVISOR_CS, type: 0xb, isCode: true)
    let data = Self.segment(selector: KVMPT_SUPERVISOR_DS, type: 0x3, isCode: false)
    registers.ds = data
    registers.es = data
    registers.fs = data
    registers.gs = data
    registers.ss = data
    registers.tr.selector = UInt16(KVMPT_TSS_SELECTOR)
    registers.tr.base = window &+ UInt64(KVMPT_TSS)
    registers.tr.limit = 0x67
    registers.tr.type = 0xb
    registers.tr.present = 1
    registers.ldt.unusable = 1
    registers.gdt.base = window &+ UInt64(KVMPT_GDT)
    registers.gdt.limit = UInt16(KVMPT_GDT_WORDS * 8 - 1)
    registers.idt.base = window &+ AgentMemory.idtOffset(set: gateTable)
    registers.idt.limit = UInt16(KVMPT_VECTOR_COUNT * 16 - 1)
    return registers
  }

  private static func segment(selector: Int32, type: UInt8, isCode: Bool) -> kvm_segment {
    var segment = kvm_segment()
    segment.limit = 0xffff_ffff
    segment.selector = UInt16(selector)
    segment.type = type
    segment.present = 1
    segment.s = 1
    segment.g = 1
    segment.l = isCode ? 1 : 0
    segment.db = isCode ? 0 : 1
    return segment
  }
}
