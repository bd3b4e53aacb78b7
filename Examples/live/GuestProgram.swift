// GuestProgram: what the processors run, and the registers with which they begin.

import CKVM
import GuestMem
import MMU

/// A few bytes of code that read one page without pause, and what they count.
///
/// All of it stands in the first 64 KiB, at linear addresses that are the physical ones.
enum GuestProgram {
  static let codeAddress: UInt64 = 0x1000
  static let tablesAddress: UInt64 = 0x2000
  /// A page of counters for each processor, which is its stack as well.
  static func countersAddress(_ processor: Int) -> UInt64 { 0x3000 + UInt64(processor) << 12 }
  static let end: UInt64 = 0x1_0000

  /// What a frame holds that is mapped nowhere.
  static let dead: UInt64 = 0xdead_dead_dead_dead

  /// The words of a processor's counters.
  enum Counter: UInt64 {
    case lastValue, reads, faults, staleReads
  }

  private static let loop: [UInt8] = [
    0x48, 0x8b, 0x06,  // mov (%rsi), %rax
    0x48, 0x89, 0x07,  // mov %rax, (%rdi)
    0x48, 0x39, 0xd8,  // cmp %rbx, %rax
    0x75, 0x04,  // jne over the next
    0x48, 0xff, 0x47, 0x18,  // incq 24(%rdi)
    0x48, 0xff, 0x47, 0x08,  // incq 8(%rdi)
    0xeb, 0xeb,  // jmp to the first
  ]

  private static let pageFaultHandler: [UInt8] = [
    0x48, 0xff, 0x47, 0x10,  // incq 16(%rdi)
    0x48, 0x83, 0xc4, 0x08,  // add $8, %rsp: the error code
    0x48, 0xcf,  // iretq: the read is tried again
  ]

  private static let handlerAddress = codeAddress + 0x40
  private static let interruptTable = tablesAddress + 0x100

  /// Writes code and descriptor tables.
  ///
  /// Source: Intel SDM volume 3A, sections 3.4.5 (descriptors) and 7.14.1 (gates).
  static func write(to memory: MemoryView) {
    memory.writeBytes(loop, at: GuestPhysicalAddress(truncating: codeAddress))
    memory.writeBytes(pageFaultHandler, at: GuestPhysicalAddress(truncating: handlerAddress))
    let descriptors: [UInt64] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff]
    for (index, descriptor) in descriptors.enumerated() {
      memory.storeWord(
        descriptor, at: GuestPhysicalAddress(truncating: tablesAddress + UInt64(index) * 8))
    }
    // Vector 14: an interrupt gate to selector 8.
    memory.storeWord(
      handlerAddress | 0x8 << 16 | 0x8e00 << 32,
      at: GuestPhysicalAddress(truncating: interruptTable + 14 * 16))
  }

  /// RIP, the stack, and where the loop reads and counts.
  static func registers(_ processor: Int, reading page: LinearAddress) -> kvm_regs {
    var registers = kvm_regs()
    registers.rip = codeAddress
    registers.rsp = countersAddress(processor) + 0x1000
    registers.rflags = 2
    registers.rsi = page.rawValue
    registers.rdi = countersAddress(processor)
    registers.rbx = dead
    return registers
  }

  /// 64-bit mode at CPL 0 on the tables at `root`.
  ///
  /// Source: Intel SDM volume 3A, section 10.8.5 (IA-32e mode).
  static func specialRegisters(root: GuestPhysicalAddress) -> kvm_sregs {
    var registers = kvm_sregs()
    registers.cr0 = 0x8005_0033  // PG, AM, WP, NE, ET, MP, PE
    registers.cr3 = root.rawValue
    registers.cr4 = 0x20  // PAE
    registers.efer = 0xd00  // NXE, LMA, LME
    registers.apic_base = 0xfee0_0900
    registers.cs = segment(selector: 8, type: 11, isCode: true)
    let data = segment(selector: 16, type: 3, isCode: false)
    (registers.ds, registers.es, registers.ss) = (data, data, data)
    (registers.fs, registers.gs) = (data, data)
    registers.tr.type = 11
    registers.tr.present = 1
    registers.tr.limit = 0x67
    registers.tr.base = tablesAddress
    registers.ldt.unusable = 1
    registers.gdt.base = tablesAddress
    registers.gdt.limit = 3 * 8 - 1
    registers.idt.base = interruptTable
    registers.idt.limit = 32 * 16 - 1
    return registers
  }

  private static func segment(selector: UInt16, type: UInt8, isCode: Bool) -> kvm_segment {
    var segment = kvm_segment()
    segment.limit = 0xffff_ffff
    segment.selector = selector
    segment.type = type
    segment.present = 1
    segment.s = 1
    segment.g = 1
    segment.l = isCode ? 1 : 0
    segment.db = isCode ? 0 : 1
    return segment
  }
}
