// The cause of a kernel's death is named, with level and bit.

import GuestMem
import KVM
import MMU
import Probe
import TestHosts
import TestKernels
import TestSupport
import Testing

@testable import Boot

/// Boots a kernel and says what became of it.
struct TestBoot {
  let outcome: BootOutcome
  let postMortem: PostMortem

  static var options: BootOptions {
    var options = BootOptions()
    options.memoryByteCount = 8 << 20
    options.timeLimit = .seconds(20)
    return options
  }

  init(
    _ bytes: KernelBytes, on machine: BootMachine, _ options: BootOptions = options,
    hidesFaults: Bool = false, erasesRegisters: Bool = false
  ) throws {
    let kernel = try KernelFile(bytes: bytes.file)
    let image = try BootImage(kernel, options)
    var outcome: BootOutcome
    switch machine {
    case .qemu: outcome = try QEMUBoot().run(image, options)
    case .kvm:
      outcome = try KVMBoot(erasesRegisters: erasesRegisters, replayLimit: .seconds(240))
        .run(image, options)
    }
    if hidesFaults { outcome.faults = nil }
    self.outcome = outcome
    postMortem = PostMortem(
      outcome, memory: image.memory.view, first: image.firstTables, code: image.code)
  }

  /// False where KVM took the registers away at the triple fault, as kvm_amd does: then they are from a
  /// repetition of the boot, and what was told of CR2 is not.
  var keepsRegisters: Bool {
    if outcome.areRegistersErased {
      #expect(outcome.end == .tripleFault && outcome.machine == "KVM" && outcome.registers != nil)
    }
    return !outcome.areRegistersErased
  }
}

@Suite("What killed a kernel is named")
struct KernelBugTests {
  private func check(
    _ bug: KernelBug, on machine: BootMachine, hidesFaults: Bool = false,
    erasesRegisters: Bool = false
  ) throws {
    var kernel = TestKernel(base: bug.base)
    bug.make(&kernel)
    var options = TestBoot.options
    if bug.end == "time-limit" { options.timeLimit = .seconds(2) }
    let boot = try TestBoot(
      kernel.bytes, on: machine, options, hidesFaults: hidesFaults,
      erasesRegisters: erasesRegisters)
    var expected = (bug.end, bug.cause, bug.level, bug.bits)
    if machine == .kvm, let other = bug.onKVM {
      expected = (other.end, other.cause, other.level, other.bits)
    }
    if machine == .kvm && bug.isIgnoredByPVM && TableWalker.ofHost() == .pvm {
      #expect(boot.outcome.end == .guestExit(0x10))
      return
    }
    let found = boot.postMortem
    if erasesRegisters && expected.0 == "triple-fault" {
      #expect(boot.outcome.areRegistersErased && boot.outcome.registers != nil)
    }
    let notes = Comment(rawValue: "\(found.notes) \(found.instructionBytes)")
    // Where there are 1 GiB pages, such a page is only at the wrong place.
    if machine == .kvm, expected.1 == "reserved-bit-page-size", expected.2 == 3,
      boot.outcome.processor.supports1GiBPages
    {
      (expected.1, expected.3) = ("reserved-bit-misaligned-page", 1 << 21)
    }
    // KVM in QEMU's emulator, which loads CR3 without a look at its reserved bits: the guest cannot be entered
    // with it.
    if machine == .kvm, case .machineError = boot.outcome.end,
      expected.1 == "reserved-bits-in-cr3"
    {
      expected.0 = "machine-error"
    }
    #expect(boot.outcome.end.id == expected.0, notes)
    #expect(found.cause.id == expected.1, notes)
    if let level = expected.2 { #expect(found.blame?.level?.rawValue == level, notes) }
    if let bits = expected.3 { #expect(found.blame?.bits == bits, notes) }
    if let delivery = bug.delivery {
      #expect(found.delivery.first { $0.cause != nil }?.cause?.id == delivery, notes)
    }
  }

  @Test(
    "on QEMU, which tells of every exception", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"),
    arguments: KernelBug.all)
  func onQEMU(_ bug: KernelBug) throws { try check(bug, on: .qemu) }

  @Test(
    "on QEMU, by registers and tables alone", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"),
    arguments: KernelBug.all)
  func byRegisters(_ bug: KernelBug) throws { try check(bug, on: .qemu, hidesFaults: true) }

  @Test(
    "on KVM, by registers and tables alone", .enabled(if: Host.hasKVM, "\(Host.kvmReason)"),
    arguments: KernelBug.all)
  func onKVM(_ bug: KernelBug) throws { try check(bug, on: .kvm) }

  @Test(
    "on KVM that takes the registers away, by a repetition of the boot",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"), arguments: KernelBug.all)
  func byReplay(_ bug: KernelBug) throws { try check(bug, on: .kvm, erasesRegisters: true) }
}

@Suite("What the old root had is said", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"))
struct OldRootTests {
  private func notes(_ change: (inout TestKernel) -> Void) throws -> [String] {
    var kernel = TestKernel()
    change(&kernel)
    return try TestBoot(kernel.bytes, on: .qemu).postMortem.notes
  }

  @Test("of code and of the stack, and not of what neither root has")
  func notes() throws {
    let words = "the tables that the kernel was started on allow the access"
    #expect(try notes { $0[TestKernel.codePage] = 0 }.contains { $0.hasPrefix(words) })
    #expect(try notes { $0.after = { $0.emit(0x50) } }.contains { $0.hasPrefix(words) })
    #expect(try !notes { $0.after = { $0.read(0) } }.contains { $0.hasPrefix(words) })
  }
}

@Suite("A kernel without a bug reports success")
struct GoodKernelTests {
  /// The kernels that the bugs were put into.
  static let kernels: [(String, @Sendable (inout TestKernel) -> Void)] = [
    ("with tables of its own", { _ in }),
    (
      "with a handler of page faults",
      {
        $0.takesExceptions()
        $0[TestKernel.dataPage(TestKernel.scratch)] = 0
      }
    ),
  ]

  @Test(
    "on QEMU", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"), arguments: 0..<kernels.count,
    [0, 0x4000_0000 as UInt64])
  func onQEMU(_ index: Int, _ base: UInt64) throws { try check(index, base, .qemu) }

  @Test(
    "on KVM", .enabled(if: Host.hasKVM, "\(Host.kvmReason)"), arguments: 0..<kernels.count,
    [0, 0x4000_0000 as UInt64])
  func onKVM(_ index: Int, _ base: UInt64) throws { try check(index, base, .kvm) }

  private func check(_ index: Int, _ base: UInt64, _ machine: BootMachine) throws {
    var kernel = TestKernel(base: base)
    Self.kernels[index].1(&kernel)
    if base != 0 {
      kernel.after = { code in
        code.load(.rsp, base + TestKernel.stackTop)
        code.emit(0x50, 0x58)
        code.write(base + TestKernel.scratch)
        code.succeed()
      }
    }
    let boot = try TestBoot(kernel.bytes, on: machine)
    #expect(boot.outcome.end == .guestExit(0x10), "\(boot.postMortem.cause)")
  }
}
