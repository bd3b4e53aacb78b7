// How a guest ends is told by name, on both machines, and so is what it wrote.

import MMU
import TestHosts
import TestKernels
import Testing

@testable import Boot

@Suite("Each end of a guest has its name")
struct EndTests {
  /// A kernel that stays on the tables that kvmpt made.
  private static func kernel(_ body: (inout MachineCode) -> Void) -> KernelBytes {
    var code = MachineCode()
    body(&code)
    return KernelBytes(
      entry: 0x10_0000,
      segments: [
        .init(
          linear: 0x10_0000, physical: 0x10_0000, bytes: code.bytes,
          memoryByteCount: UInt64(code.bytes.count), flags: 5),
        .init(
          linear: 0x20_0000, physical: 0x20_0000, bytes: [1], memoryByteCount: 0x3000, flags: 6),
      ])
  }

  private static let needsQEMU: ConditionTrait = .enabled(if: Host.hasQEMU, "\(Host.qemuReason)")

  private static var machines: [BootMachine] {
    [.qemu, .kvm].filter { $0 == .qemu ? Host.hasQEMU : Host.hasKVM }
  }

  @Test("What the guest reports is what it wrote", arguments: machines, [0, 0x10, 0x11, 0x7f])
  func exit(_ machine: BootMachine, _ byte: UInt8) throws {
    let boot = try TestBoot(Self.kernel { $0.output(byte, 0xf4) }, on: machine)
    #expect(boot.outcome.end == .guestExit(byte))
    #expect(boot.postMortem.cause == .stopped)
  }

  @Test("HLT with interrupts off", arguments: machines)
  func halted(_ machine: BootMachine) throws {
    let boot = try TestBoot(Self.kernel { $0.stop() }, on: machine)
    #expect(boot.outcome.end == .halted)
    #expect(boot.outcome.registers?.areInterruptsEnabled == false)
    #expect(boot.postMortem.cause == .stopped)
  }

  @Test(
    "A kernel whose handler stops is shown the page fault that it stopped for", arguments: machines)
  func panic(_ machine: BootMachine) throws {
    var kernel = TestKernel()
    kernel.takesExceptions()
    kernel.handler = { $0.stop() }
    kernel[TestKernel.dataPage(TestKernel.scratch)] = 0
    let boot = try TestBoot(kernel.bytes, on: machine)
    #expect(boot.outcome.end == .halted)
    #expect(boot.postMortem.cause == .access(.data, .notMapped))
    #expect(boot.postMortem.notes.contains { $0.contains("frame of this exception") })
    #expect(boot.postMortem.delivery.isEmpty)
  }

  /// A kernel that mends the entry of a page and goes on when it faults there.
  private static func mendingKernel(_ body: (inout MachineCode) -> Void) -> TestKernel {
    let entry = TestKernel.dataPage(TestKernel.spare)
    var kernel = TestKernel()
    kernel.takesExceptions()
    let mended = kernel[entry]
    kernel[entry] = 0
    kernel.handler = { code in
      code.load(.rcx, entry)
      code.load(.rax, mended)
      // mov [rcx], rax; add rsp, 8; iretq
      code.emit(0x48, 0x89, 0x01, 0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf)
    }
    var code = MachineCode()
    code.load(.rsp, TestKernel.stackTop)
    body(&code)
    let bytes = code.bytes
    kernel.after = { $0.append(bytes) }
    return kernel
  }

  @Test(
    "A thousand equal faults that are mended are none for ever: the kernel counts them",
    arguments: machines)
  func mendedFaults(_ machine: BootMachine) throws {
    let entry = TestKernel.dataPage(TestKernel.spare)
    let kernel = Self.mendingKernel { code in
      let start = code.bytes.count
      code.load(.rcx, entry)
      // mov qword [rcx], 0
      code.emit(0x48, 0xc7, 0x01, 0, 0, 0, 0)
      code.load(.rcx, TestKernel.spare)
      // invlpg [rcx]; mov [rcx], eax
      code.emit(0x0f, 0x01, 0x39, 0x89, 0x01)
      code.load(.rcx, TestKernel.scratch)
      // inc dword [rcx]; cmp dword [rcx], 1000; jb start
      code.emit(0xff, 0x01, 0x81, 0x39, 0xe8, 0x03, 0, 0)
      let distance = start - code.bytes.count - 2
      code.emit(0x72, UInt8(truncatingIfNeeded: distance))
      code.succeed()
    }
    for _ in 0..<3 {
      let boot = try TestBoot(kernel.bytes, on: machine)
      #expect(boot.outcome.end == .guestExit(0x10))
    }
  }

  @Test("A fault that was mended has nothing to do with a later exception", arguments: machines)
  func olderFault(_ machine: BootMachine) throws {
    let kernel = Self.mendingKernel { code in
      code.read(TestKernel.spare)
      // ud2
      code.emit(0x0f, 0x0b)
    }
    let boot = try TestBoot(kernel.bytes, on: machine)
    #expect(boot.outcome.end == .tripleFault)
    guard boot.keepsRegisters else { return }
    #expect(boot.postMortem.cause == .otherException(6))
    #expect(boot.postMortem.access == nil)
  }

  @Test("A fault that was mended has nothing to do with a later HLT", arguments: machines)
  func haltAfterFault(_ machine: BootMachine) throws {
    let kernel = Self.mendingKernel { code in
      code.read(TestKernel.spare)
      code.stop()
      // mov cr3, rax, which is not executed
      code.emit(0x0f, 0x22, 0xd8)
    }
    let boot = try TestBoot(kernel.bytes, on: machine)
    #expect(boot.outcome.end == .halted)
    #expect(boot.postMortem.cause == .stopped)
    #expect(boot.postMortem.access == nil)
  }

  @Test(
    "A byte with its upper bit set is not the success that the other seven bits are",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"))
  func upperBit() throws {
    let boot = try TestBoot(Self.kernel { $0.output(0x90, 0xf4) }, on: .kvm)
    #expect(boot.outcome.end == .guestExit(0x90))
  }

  @Test("A guest that runs on ends with the time limit", arguments: machines)
  func timeLimit(_ machine: BootMachine) throws {
    var options = TestBoot.options
    options.timeLimit = .milliseconds(300)
    let boot = try TestBoot(Self.kernel { $0.emit(0xeb, 0xfe) }, on: machine, options)
    #expect(boot.outcome.end == .timeLimit)
    #expect(boot.outcome.registers?.rip == 0x10_0000)
    #expect(boot.postMortem.cause == .stopped)
  }

  @Test(
    "What it prints is kept, to its last byte, and from string instructions as well",
    arguments: machines)
  func output(_ machine: BootMachine) throws {
    let code = Self.kernel { code in
      code.print("hello\n")
      // mov rsi, 0x100000; mov ecx, 4; mov dx, 0xe9; rep outsb
      code.load(.rsi, 0x10_0000)
      code.emit(0xb9, 4, 0, 0, 0, 0x66, 0xba, 0xe9, 0, 0xf3, 0x6e)
      code.succeed()
    }
    let boot = try TestBoot(code, on: machine)
    #expect(boot.outcome.end == .guestExit(0x10))
    #expect(boot.outcome.output == Array("hello\n".utf8) + code.segments[0].bytes.prefix(4))
  }

  @Test("RDI leads to the start information with the command line", arguments: machines)
  func commandLine(_ machine: BootMachine) throws {
    var options = TestBoot.options
    options.commandLine = "Zoo"
    let code = Self.kernel { code in
      // mov rsi, [rdi + 24]; mov al, [rsi]; out 0xf4, al
      code.emit(0x48, 0x8b, 0x77, 0x18, 0x8a, 0x06, 0xe6, 0xf4)
    }
    let boot = try TestBoot(code, on: machine, options)
    #expect(boot.outcome.end == .guestExit(UInt8(ascii: "Z")))
  }

  @Test("A program header's flags are the rights of its pages", arguments: machines)
  func rights(_ machine: BootMachine) throws {
    let writes = try TestBoot(Self.kernel { $0.write(0x10_0ffc) }, on: machine)
    if writes.keepsRegisters {
      #expect(writes.postMortem.cause == .access(.data, .readOnly))
      #expect(writes.postMortem.blame?.level == .pageTable)
    }
    let executes = try TestBoot(Self.kernel { $0.jump(0x20_0000) }, on: machine)
    if executes.keepsRegisters {
      #expect(executes.postMortem.cause == .access(.code, .noExecute))
    }
    let both = try TestBoot(
      Self.kernel {
        $0.write(0x20_2ffc)
        $0.emit(0x50)
        $0.write(BootAddresses.directMap + 0x20_0000)
        $0.succeed()
      }, on: machine)
    #expect(both.outcome.end == .guestExit(0x10))
  }

  @Test("Below the stack is a guard page, and the entry returns to nowhere", arguments: machines)
  func stack(_ machine: BootMachine) throws {
    // PUSH RAX for ever.
    let overflow = try TestBoot(Self.kernel { $0.emit(0x50, 0xeb, 0xfd) }, on: machine)
    if overflow.keepsRegisters {
      #expect(overflow.postMortem.cause == .access(.stack, .notMapped))
      #expect(
        overflow.postMortem.access?.diagnosis.question.address == BootAddresses.stack - 8)
    }
    let returned = try TestBoot(Self.kernel { $0.emit(0xc3) }, on: machine)
    guard returned.keepsRegisters else { return }
    #expect(returned.postMortem.cause == .access(.code, .notMapped))
    #expect(returned.postMortem.instruction == 0)
  }

  @Test(
    "By PVH the kernel is entered in 32-bit mode with the start information in EBX",
    arguments: machines)
  func pvh(_ machine: BootMachine) throws {
    // mov eax, [ebx]; out 0xf4, al: the magic number's low byte.
    var code = Self.kernel { $0.emit(0x8b, 0x03, 0xe6, 0xf4) }
    code.pvhEntry = 0x10_0000
    let boot = try TestBoot(code, on: machine)
    #expect(boot.outcome.end == .guestExit(0x78), "\(boot.postMortem.instructionBytes)")
  }

  @Test(
    "A kernel that turns paging on by itself on a root that lacks its code is told so",
    arguments: machines)
  func ownTables(_ machine: BootMachine) throws {
    var code = Self.kernel { code in
      // mov eax, 0x20; mov cr4, eax; mov eax, 0x200000; mov cr3, eax
      code.emit(0xb8, 0x20, 0, 0, 0, 0x0f, 0x22, 0xe0, 0xb8, 0, 0, 0x20, 0, 0x0f, 0x22, 0xd8)
      // mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr
      code.emit(0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x0d, 0, 1, 0, 0, 0x0f, 0x30)
      // mov eax, 0x80000001; mov cr0, eax; jmp $
      code.emit(0xb8, 1, 0, 0, 0x80, 0x0f, 0x22, 0xc0, 0xeb, 0xfe)
    }
    code.pvhEntry = 0x10_0000
    // PML4E 0 leads to a PDPT of zeros.
    code.segments[1].bytes = KernelBytes.words([0x20_1003])
    let boot = try TestBoot(code, on: machine)
    #expect(boot.outcome.end == .tripleFault)
    guard boot.keepsRegisters else { return }
    #expect(boot.postMortem.cause == .access(.code, .notMapped), "\(boot.postMortem.notes)")
    #expect(boot.postMortem.blame?.level == .pageDirectoryPointerTable)
  }

  @Test(
    "An instruction that KVM cannot execute is shown with its place",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"))
  func cannotExecute() throws {
    // POPCNT RAX, RAX: a host that emulates CPL 0 lacks it, others have it.
    let boot = try TestBoot(
      Self.kernel { code in
        code.emit(0xf3, 0x48, 0x0f, 0xb8, 0xc0)
        code.succeed()
      }, on: .kvm)
    switch boot.outcome.end {
    case .cannotExecute:
      #expect(boot.postMortem.cause == .cannotExecute)
      #expect(boot.postMortem.instruction == 0x10_0000)
      #expect(InstructionName.of(boot.postMortem.instructionBytes) == "POPCNT")
    default: #expect(boot.outcome.end == .guestExit(0x10))
    }
  }
}
