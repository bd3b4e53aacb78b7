// The post-mortem is a function of registers and memory: states that no machine here can be brought to.

import MMU
import TestKernels
import Testing

@testable import Boot

/// The words of a test kernel's data, and nothing else.
private struct KernelMemory: PhysicalMemory {
  let kernel: TestKernel

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    let end = TestKernel.root + UInt64(kernel.data.count * 8)
    guard (TestKernel.root..<end).contains(address.rawValue) else { return nil }
    return kernel[address.rawValue]
  }
}

@Suite("What registers and tables do not tell is said")
struct PostMortemTests {
  private var registers: GuestRegisters {
    var registers = GuestRegisters()
    registers.rip = TestKernel.code
    registers.rsp = TestKernel.stackTop
    registers.cr0 = 0x8001_0033
    registers.cr3 = TestKernel.root
    registers.cr4 = 0x20
    registers.efer = 0xd01
    return registers
  }

  private func outcome(_ registers: GuestRegisters?) -> BootOutcome {
    BootOutcome(
      end: .tripleFault, registers: registers, processor: ProcessorModel(), machine: "a test")
  }

  private func log(_ lines: String) -> FaultLog {
    var log = FaultLog()
    log.append(Array(lines.utf8))
    return log
  }

  @Test("A write that the tables allow now was made through an older translation")
  func stale() {
    var state = outcome(registers)
    state.faults = log(
      """
      check_exception old: 0xffffffff new 0xe
           0: v=0e e=0003 i=0 cpl=0 IP=0008:0000000000100000 pc=0000000000100000 \
      SP=0010:000000000020a000 CR2=0000000000206000

      """)
    let found = PostMortem(state, memory: KernelMemory(kernel: TestKernel()))
    #expect(found.cause == .staleTranslation)
    #expect(found.blame == nil)
    #expect(found.vector == 14 && found.errorCode == 3)
    #expect(found.access?.kind == .write && found.access?.evidence == .told)
  }

  @Test("A breakpoint that the guest survived is no reason for its halt")
  func survived() {
    var state = outcome(registers)
    state.end = .halted
    state.faults = log(
      """
      check_exception old: 0xffffffff new 0x3
           0: v=03 e=0000 i=1 cpl=0 IP=0008:0000000000100000 pc=0000000000100000 \
      SP=0010:000000000020a000 env->regs[R_EAX]=0000000000000000

      """)
    let found = PostMortem(state, memory: KernelMemory(kernel: TestKernel()))
    #expect(found.cause == .stopped && found.vector == nil)
  }

  @Test("Registers that the machine erased are no evidence")
  func erased() {
    var state = outcome(nil)
    state.areRegistersErased = true
    let found = PostMortem(state, memory: KernelMemory(kernel: TestKernel()))
    #expect(found.cause == .unknown)
    #expect(found.notes.contains { $0.contains("--machine qemu") })
  }

  @Test("Without paging the tables have nothing to do with it")
  func noPaging() {
    var registers = registers
    registers.cr0 = 0x11
    let found = PostMortem(outcome(registers), memory: KernelMemory(kernel: TestKernel()))
    #expect(found.cause == .unknown)
    #expect(found.notes.contains { $0.contains("paging is off") })
  }

  @Test("A CR2 that is not known to be of this fault is assumed, not told")
  func assumed() {
    var registers = registers
    registers.cr2 = 0x24_0000
    let found = PostMortem(outcome(registers), memory: KernelMemory(kernel: TestKernel()))
    #expect(found.access?.evidence == .assumed)
    #expect(found.access?.isKindKnown == false)
    #expect(found.cause == .access(.data, .notMapped))
    #expect(found.notes.contains { $0.contains("assumed") })
  }

  @Test("A CR2 in the IDT is the delivery's, and the access that came first is not known")
  func overwritten() {
    var kernel = TestKernel()
    kernel[TestKernel.dataPage(TestKernel.idt)] = 0
    var registers = registers
    registers.idt = DescriptorTableRegister(base: TestKernel.idt, limit: 0xfff)
    registers.cr2 = TestKernel.idt + 0x80
    let found = PostMortem(outcome(registers), memory: KernelMemory(kernel: kernel))
    #expect(found.access == nil && found.vector == nil)
    #expect(found.cause == .access(.idt, .notMapped))
    #expect(found.blame?.level == .pageTable)
    #expect(found.notes.contains { $0.contains("which access came first is not known") })
  }

  @Test("A guest in 5-level paging is walked from its PML5")
  func fiveLevels() {
    var registers = registers
    registers.cr4 |= 1 << 12
    registers.cr2 = 0x24_0000
    let found = PostMortem(outcome(registers), memory: KernelMemory(kernel: TestKernel()))
    #expect(found.access?.diagnosis.walk.rootLevel == .pageMapLevel5)
  }

  @Test("The log is read line by line, however it arrives, and equal faults are counted")
  func logs() {
    let fault = """
      check_exception old: 0xffffffff new 0xe
           7: v=0e e=0002 i=0 cpl=3 IP=0023:0000000000400000 pc=0000000000400000 \
      SP=001b:00007ffffffff000 CR2=ffff800000001000
      RAX=0000000000000000

      """
    let double = """
      check_exception old: 0xe new 0xe
           8: v=08 e=0000 i=0 cpl=3 IP=0023:0000000000400000 pc=0000000000400000 \
      SP=001b:00007ffffffff000 env->regs[R_EAX]=0000000000000000
      check_exception old: 0x8 new 0xe
      Triple fault

      """
    var log = FaultLog()
    for byte in (fault + fault + fault + double).utf8 { log.append([byte]) }
    #expect(log.hasTripleFault && log.count == 4)
    #expect(log.repetitionCount == 2)
    #expect(log.lastChain.map(\.vector) == [14, 8])
    #expect(log.firstChain.map(\.vector) == [14])
    let record = FaultRecord(
      vector: 14, errorCode: 2, cpl: 3, rip: 0x40_0000, rsp: 0x7fff_ffff_f000,
      cr2: 0xffff_8000_0000_1000)
    #expect(log.lastChain.first == record && record.accessKind == .write)
  }

  @Test(
    "What is no output of `info registers` gives no registers", arguments: ["", "RAX=1", "RIP=0"])
  func noRegisters(_ text: String) {
    #expect(GuestRegisters(infoRegisters: text) == nil)
  }
}

@Suite("Every cause has a name and a sentence of its own")
struct BootCauseTests {
  static let all: [BootCause] =
    AccessRole.allCases.flatMap { role in
      AccessReason.allCases.map { BootCause.access(role, $0) }
    } + [
      .rootOutsideMemory, .rootIsLinearAddress(physical: 0x1000), .rootIsEmpty, .rootIsNotATable,
      .notATable, .addressShifted(.code, by: 12), .addressShifted(.code, by: -12),
      .reservedBitsInCR3(1 << 63), .noIDT, .shortIDT, .gateNotPresent, .gateType, .gateSelector,
      .staleTranslation, .otherException(6), .noPageFault, .cannotExecute, .stopped, .unknown,
    ]

  @Test("Names are in kebab case, and sentences are not empty")
  func names() {
    for cause in Self.all {
      #expect(cause.id.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }, "\(cause)")
      #expect(!cause.sentence.isEmpty && !cause.sentence.hasSuffix("."), "\(cause)")
    }
    #expect(Set(Self.all.map(\.sentence)).count == Self.all.count)
  }
}
