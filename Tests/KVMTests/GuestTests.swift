// Real guests: exits, registers and time limits.

import CKVM
import CLinux
import KVM
import MMU
import TestHosts
import TestImages
import Testing

@Suite("A guest runs and says why it stopped", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct GuestTests {
  private static let limit: Duration = .seconds(300)

  @Test("A write to a port ends the run with port, size and value")
  func portWrite() throws {
    // mov $0x5a, %al; out %al, $0x42
    let guest = try TestGuest(code: [0xb0, 0x5a, 0xe6, 0x42])
    let exit = try guest.cpu.run(limit: Self.limit)
    #expect(exit == .portWrite(port: 0x42, byteCount: 1, value: 0x5a))
  }

  @Test("A read of a port ends the run with port and size")
  func portRead() throws {
    // in $0x42, %eax
    let guest = try TestGuest(code: [0xe5, 0x42])
    let exit = try guest.cpu.run(limit: Self.limit)
    #expect(exit == .portRead(port: 0x42, byteCount: 4))
  }

  @Test("HLT ends the run")
  func halt() throws {
    let guest = try TestGuest(code: [0xf4])
    let exit = try guest.cpu.run(limit: Self.limit)
    #expect(exit == .halted)
  }

  @Test("An access without memory behind ends the run with its physical address, and is answered")
  func absentMemory() throws {
    // mov 0x200010, %rax; mov %eax, 0x200020; hlt
    let guest = try TestGuest(code: [
      0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0x20, 0, 0x89, 0x04, 0x25, 0x20, 0, 0x20, 0, 0xf4,
    ])
    let read = try guest.cpu.run(limit: Self.limit)
    #expect(
      read == .mmioRead(address: GuestPhysicalAddress(truncating: 0x4000_0010), byteCount: 8))
    guest.cpu.answerMMIORead(0x1234_5678_9abc_def0)
    let write = try guest.cpu.run(limit: Self.limit)
    #expect(
      write
        == .mmioWrite(
          address: GuestPhysicalAddress(truncating: 0x4000_0020), byteCount: 4, value: 0x9abc_def0))
    let end = try guest.cpu.run(limit: Self.limit)
    #expect(end == .halted)
    let value = try guest.cpu.registers().rax
    #expect(value == 0x1234_5678_9abc_def0)
  }

  @Test("A fault without a handler is a triple fault, after which CR2 is readable")
  func tripleFault() throws {
    // mov 0x400010, %rax: nothing is mapped there.
    let guest = try TestGuest(code: [0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0x40, 0])
    let exit = try guest.cpu.run(limit: Self.limit)
    #expect(exit == .shutdown)
    let cr2 = try guest.cpu.specialRegisters().cr2
    #expect(cr2 == 0x40_0010)
  }

  @Test("A guest that loops for ever is stopped at the limit, and can go on")
  func timeLimit() throws {
    // jmp .
    let guest = try TestGuest(code: [0xeb, 0xfe])
    for _ in 0..<2 {
      let start = ContinuousClock.now
      let exit = try guest.cpu.run(limit: .milliseconds(50))
      let time = ContinuousClock.now - start
      #expect(exit == .timeLimitReached)
      #expect(time >= .milliseconds(50))
    }
    let rip = try guest.cpu.registers().rip
    #expect(rip == UInt64(TestGuest.codeAddress))
  }

  @Test("Registers come back as they were set")
  func registers() throws {
    let guest = try TestGuest(code: [0xf4])
    var registers = kvm_regs()
    registers.rax = 0x0123_4567_89ab_cdef
    registers.r15 = 0xffff_ffff_ffff_fffe
    registers.rip = 0x1000
    registers.rflags = 0x2
    try guest.cpu.setRegisters(registers)
    let read = try guest.cpu.registers()
    #expect(read.rax == registers.rax && read.r15 == registers.r15 && read.rip == 0x1000)
    let special = try guest.cpu.specialRegisters()
    #expect(special.cr3 == 0x2000 && special.efer == 0x500 && special.cs.l == 1)
  }

  @Test("KVM's own translation follows the guest's tables")
  func translation() throws {
    let guest = try TestGuest(code: [0xf4])
    let low = try guest.cpu.translate(0x1234)
    #expect(low?.rawValue == 0x1234)
    let absent = try guest.cpu.translate(TestGuest.absent + 0x10)
    #expect(absent?.rawValue == 0x4000_0010)
    let unmapped = try guest.cpu.translate(0x40_0000)
    #expect(unmapped == nil)
  }

  @Test("A control register that no processor has is refused, and named in the error")
  func refusedRegisters() throws {
    let guest = try TestGuest(code: [0xf4])
    var special = try guest.cpu.specialRegisters()
    special.cr4 |= 1 << 63
    let error = try #require(throws: KVMError.self) { try guest.cpu.setSpecialRegisters(special) }
    guard case .call(.setSpecialRegisters(_, _, let cr4, _), EINVAL) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(cr4 == special.cr4)
    #expect(error.hint.contains("kvmpt doctor"))
  }
}
