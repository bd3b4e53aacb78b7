// StartRegisters: the registers with which a kernel is entered under KVM.

import CKVM
import GuestImages
import Inspection
import MMU

/// The processor state at a kernel's entry, the same as the handover page leaves it under QEMU.
struct StartRegisters {
  private let start: BootStart
  private let page: UInt64

  init(_ start: BootStart, handoverAddress: UInt64) {
    self.start = start
    page = handoverAddress
  }

  private var information: UInt64 { page + UInt64(KVMPT_HANDOVER_INFO) }

  /// RAX to R15, RIP and RFLAGS.
  var general: kvm_regs {
    var registers = kvm_regs()
    registers.rflags = 2
    switch start {
    case .longMode(let entry, _, let stackPointer):
      registers.rip = entry
      registers.rsp = stackPointer
      registers.rdi = information
    case .pvh(let entry):
      registers.rip = UInt64(entry)
      registers.rbx = information
    }
    return registers
  }

  /// Segments, descriptor tables and control registers, in place of those of a new vCPU.
  func special(_ initial: kvm_sregs) -> kvm_sregs {
    var registers = initial
    let isLong: Bool
    switch start {
    case .longMode(_, let root, _):
      isLong = true
      registers.cr0 = HandoverPage.cr0
      registers.cr3 = root
      registers.cr4 = HandoverPage.cr4
      // LMA, which the processor sets with CR0.PG.
      registers.efer = HandoverPage.efer | 1 << 10
    case .pvh:
      isLong = false
      // PE and ET.
      registers.cr0 = 0x11
    }
    registers.cr2 = KVMBoot.initialCR2
    registers.cs = Self.segment(
      selector: isLong ? KVMPT_BOOT_CS : KVMPT_BOOT_CS_32, type: 0xb, isLong: isLong)
    let data = Self.segment(selector: KVMPT_BOOT_DS, type: 3, isLong: false)
    registers.ds = data
    registers.es = data
    registers.fs = data
    registers.gs = data
    registers.ss = data
    registers.tr.selector = 0
    registers.tr.base = 0
    registers.tr.limit = 0xffff
    registers.tr.type = 0xb
    registers.tr.present = 1
    registers.tr.s = 0
    registers.ldt.unusable = 1
    registers.gdt.base = page + UInt64(KVMPT_HANDOVER_GDT)
    registers.gdt.limit = UInt16(KVMPT_BOOT_GDT_WORDS * 8 - 1)
    registers.idt.base = 0
    registers.idt.limit = 0
    return registers
  }

  private static func segment(selector: Int32, type: UInt8, isLong: Bool) -> kvm_segment {
    var segment = kvm_segment()
    segment.limit = 0xffff_ffff
    segment.selector = UInt16(selector)
    segment.type = type
    segment.present = 1
    segment.s = 1
    segment.g = 1
    segment.l = isLong ? 1 : 0
    segment.db = isLong ? 0 : 1
    return segment
  }
}

extension GuestRegisters {
  /// The registers as KVM gives them.
  init(_ general: kvm_regs, _ special: kvm_sregs) {
    self.init()
    self.general = [
      general.rax, general.rcx, general.rdx, general.rbx, general.rsp, general.rbp, general.rsi,
      general.rdi, general.r8, general.r9, general.r10, general.r11, general.r12, general.r13,
      general.r14, general.r15,
    ]
    rip = general.rip
    rflags = general.rflags
    cs = SegmentRegister(special.cs)
    ss = SegmentRegister(special.ss)
    tr = SegmentRegister(special.tr)
    // The CPL is SS.DPL. Source: AMD APM volume 2, section 4.9.1; KVM keeps it there.
    cpl = special.ss.dpl & 3
    gdt = DescriptorTableRegister(base: special.gdt.base, limit: UInt32(special.gdt.limit))
    idt = DescriptorTableRegister(base: special.idt.base, limit: UInt32(special.idt.limit))
    cr0 = special.cr0
    cr2 = special.cr2
    cr3 = special.cr3
    cr4 = special.cr4
    efer = special.efer
  }
}

extension SegmentRegister {
  fileprivate init(_ segment: kvm_segment) {
    self.init(selector: segment.selector, base: segment.base, limit: segment.limit)
  }
}
