// A boot whose registers are gone is repeated to its last instruction.

import KVM
import MMU
import TestHosts
import TestKernels
import Testing

@testable import Boot

@Suite("A boot is repeated to its end", .enabled(if: Host.hasKVM, "\(Host.kvmReason)"))
struct ReplayTests {
  @Test("of a kernel that dies after so many instructions", arguments: [1000, 30_000])
  func late(_ count: UInt64) throws {
    var kernel = TestKernel()
    kernel.after = { code in
      code.load(.rcx, count)
      // dec rcx; jnz
      code.emit(0x48, 0xff, 0xc9, 0x75, 0xfb)
      code.read(0x7777_7000)
    }
    var options = TestBoot.options
    options.timeLimit = .seconds(60)
    let boot = try TestBoot(kernel.bytes, on: .kvm, options, erasesRegisters: true)
    #expect(boot.outcome.end == .tripleFault && boot.outcome.areRegistersErased)
    #expect(boot.outcome.registers != nil)
    #expect(boot.postMortem.access?.diagnosis.question.address == 0x7777_7000)
    #expect(boot.postMortem.access?.kind == .read && boot.postMortem.cause.id == "data-not-mapped")
  }

  @Test("A page fault that a handler took is not what the guest died of")
  func handlerDies() throws {
    var kernel = TestKernel()
    kernel.takesExceptions()
    kernel[TestKernel.dataPage(TestKernel.scratch)] = 0
    // An IDT without entries, and UD2.
    kernel.handler = { code in
      code.loadIDT(TestKernel.spare)
      code.emit(0x0f, 0x0b)
    }
    let boot = try TestBoot(kernel.bytes, on: .kvm, erasesRegisters: true)
    #expect(boot.outcome.end == .tripleFault && boot.outcome.registers != nil)
    // Some processors make no single steps in the handler.
    #expect(["other-exception", "unknown"].contains(boot.postMortem.cause.id))
    #expect(boot.postMortem.access == nil)
  }
}
