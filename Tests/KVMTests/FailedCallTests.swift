// Calls that the kernel refuses: each is the error of that call, with its arguments and its number.

import CKVM
import Glibc
import MMU
import TestHosts
import TestImages
import Testing

@testable import KVM

/// A machine and a processor whose files are closed: every call of theirs fails with EBADF.
private final class ClosedMachine {
  let machine: VirtualMachine
  var cpu: VirtualCPU

  init() throws {
    let page = TestFile(String(repeating: "x", count: 4096 * 3))
    // SAFETY: the path lives for the call and ends with a 0.
    let file = FileDescriptor(owning: unsafe open(page.path, O_RDWR))
    machine = VirtualMachine(descriptor: FileDescriptor(owning: -1), runByteCount: 12288)
    cpu = VirtualCPU(
      descriptor: FileDescriptor(owning: -1),
      shared: try SharedRun(descriptor: file.number, byteCount: 12288))
  }
}

@Suite("A call that the kernel refuses is an error that says which, with what, and why")
struct FailedCallTests {
  private func expect(
    _ call: KVMCall, _ errorNumber: Int32 = EBADF, _ body: () throws(KVMError) -> Void
  ) {
    do throws(KVMError) {
      try body()
      Issue.record("\(call) was not refused")
    } catch {
      #expect(error == .call(call, errorNumber: errorNumber))
    }
  }

  @Test("Every call on a processor")
  func processors() throws {
    let closed = try ClosedMachine()
    expect(.getRegisters) { () throws(KVMError) in _ = try closed.cpu.registers() }
    expect(.setRegisters) { () throws(KVMError) in try closed.cpu.setRegisters(kvm_regs()) }
    expect(.getSpecialRegisters) { () throws(KVMError) in _ = try closed.cpu.specialRegisters() }
    var registers = kvm_sregs()
    registers.cr0 = 1
    registers.cr3 = 2
    registers.cr4 = 3
    registers.efer = 4
    let special = registers
    expect(.setSpecialRegisters(cr0: 1, cr3: 2, cr4: 3, efer: 4)) { () throws(KVMError) in
      try closed.cpu.setSpecialRegisters(special)
    }
    for count in [0, 1, 7] as [UInt32] {
      var leaves = ckvm_cpuid()
      leaves.count = count
      let processor = SupportedProcessor(leaves)
      expect(.setCPUID(entryCount: Int(count))) { () throws(KVMError) in
        try closed.cpu.setProcessor(processor)
      }
    }
    expect(.setMSR(index: 0x277, value: 6)) { () throws(KVMError) in
      try closed.cpu.setMSR(0x277, to: 6)
    }
    expect(.setPKRU(5)) { () throws(KVMError) in try closed.cpu.setPKRU(5, offset: 2688) }
    expect(.translate(0x1234)) { () throws(KVMError) in _ = try closed.cpu.translate(0x1234) }
    expect(.injectNMI) { () throws(KVMError) in try closed.cpu.injectNMI() }
    expect(.run) { () throws(KVMError) in _ = try closed.cpu.run(limit: .seconds(300)) }
  }

  @Test("PKRU that does not lie in the area of 4096 bytes is refused before the kernel is asked")
  func pkruOffsets() throws {
    let closed = try ClosedMachine()
    for (offset, errorNumber) in [
      (0, EBADF), (2688, EBADF), (4091, EBADF), (4092, EBADF), (4093, EINVAL), (4096, EINVAL),
      (.max, EINVAL),
    ] as [(UInt32, Int32)] {
      expect(.setPKRU(offset), errorNumber) { () throws(KVMError) in
        try closed.cpu.setPKRU(offset, offset: offset)
      }
    }
  }

  @Test("Every call on a machine")
  func machines() throws {
    let closed = try ClosedMachine()
    let address = GuestPhysicalAddress(truncating: 0x8000)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    // SAFETY: allocated above, and nobody has it: the machine refuses it.
    defer { unsafe memory.deallocate() }
    expect(.setMemoryRegion(slot: 3, guestPhysicalAddress: 0x8000, byteCount: 4096)) {
      () throws(KVMError) in
      // SAFETY: the memory lives as long as the call, which fails.
      try unsafe closed.machine.setMemorySlot(3, at: address, memory: memory, byteCount: 4096)
    }
    expect(.setMemoryRegion(slot: 4, guestPhysicalAddress: 0x8000, byteCount: 0)) {
      () throws(KVMError) in
      try closed.machine.deleteMemorySlot(4, at: address)
    }
    for number in [-1, 0, 5] {
      expect(.createVirtualCPU(identifier: number)) { () throws(KVMError) in
        _ = try closed.machine.makeVirtualCPU(identifier: number)
      }
      expect(.setShadowPageCount(number)) { () throws(KVMError) in
        try closed.machine.setShadowPageCount(number)
      }
    }
  }

  @Test("A shared page that is too small for the structure is refused with EINVAL")
  func sharedPages() throws {
    let page = TestFile(String(repeating: "x", count: 4096 * 3))
    // SAFETY: the path lives for the call and ends with a 0.
    let file = FileDescriptor(owning: unsafe open(page.path, O_RDWR))
    let least = Int64(MemoryLayout<kvm_run>.size)
    for byteCount in [1, least - 1, least, least + 1, 12288] {
      var found: KVMError?
      do throws(KVMError) {
        _ = try SharedRun(descriptor: file.number, byteCount: byteCount)
      } catch {
        found = error
      }
      let expected = KVMError.call(.mapRunStructure(byteCount: byteCount), errorNumber: EINVAL)
      #expect(found == (byteCount < least ? expected : nil), "\(byteCount)")
    }
  }

  @Test(
    "A host that does not say how large the shared page is",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"),
    .enabled(
      if: HostText.of("/proc/self/status")?.contains("Seccomp:") == true,
      "needs a kernel that can refuse a system call (seccomp)"))
  func unknownSize() async {
    await #expect(processExitsWith: .success) {
      let device = try Device()
      // KVM_GET_VCPU_MMAP_SIZE.
      try #require(RefusedCall.refuse(ioctl: 0xae04, with: EPERM))
      do throws(KVMError) {
        _ = try device.makeVirtualMachine()
        Issue.record("there is a machine")
      } catch {
        #expect(error == .call(.mapRunStructure(byteCount: 0), errorNumber: EPERM))
      }
      // KVM_GET_SUPPORTED_CPUID and KVM_CREATE_VM.
      try #require(RefusedCall.refuse(ioctl: 0xc008_ae05, with: EIO))
      do throws(KVMError) {
        _ = try device.supportedProcessor()
        Issue.record("there is a processor")
      } catch {
        #expect(error == .call(.getSupportedCPUID, errorNumber: EIO))
      }
      try #require(RefusedCall.refuse(ioctl: 0xae01, with: EBUSY))
      do throws(KVMError) {
        _ = try device.makeVirtualMachine()
        Issue.record("there is a machine")
      } catch {
        #expect(error == .call(.createVirtualMachine, errorNumber: EBUSY))
      }
      // KVM_CHECK_EXTENSION: what cannot be asked for is not offered.
      let offered = device.capability(.memorySlotCount)
      try #require(RefusedCall.refuse(ioctl: 0xae03, with: EFAULT))
      let refused = device.capability(.memorySlotCount)
      #expect(offered > 0 && refused == 0)
    }
  }
}

/// Makes the kernel refuse one ioctl to the calling thread, for ever.
///
/// Source: seccomp(2), and `<linux/filter.h>`.
private enum RefusedCall {
  /// One step of a filter: struct sock_filter.
  private struct Step {
    var code: UInt16
    var whenTrue: UInt8 = 0
    var whenFalse: UInt8 = 0
    var value: UInt32
  }

  /// struct sock_fprog.
  @safe private struct Program {
    var stepCount: UInt16
    var steps: UnsafePointer<Step>
  }

  private typealias Control = @convention(c) (CInt, UInt, UInt, UInt, UInt) -> CInt

  /// Says whether the kernel took the filter.
  static func refuse(ioctl request: UInt32, with errorNumber: Int32) -> Bool {
    let steps = [
      Step(code: 0x20, value: 0),  // the number of the system call
      Step(code: 0x15, whenFalse: 3, value: 16),  // ioctl
      Step(code: 0x20, value: 24),  // the lower half of its second argument
      Step(code: 0x15, whenFalse: 1, value: request),
      Step(code: 0x06, value: 0x0005_0000 | UInt32(errorNumber)),  // SECCOMP_RET_ERRNO
      Step(code: 0x06, value: 0x7fff_0000),  // SECCOMP_RET_ALLOW
    ]
    // SAFETY: prctl takes words after the first argument, on x86-64 as any function does.
    guard let symbol = unsafe dlsym(nil, "prctl") else { return false }
    let control = unsafe unsafeBitCast(symbol, to: Control.self)
    // SAFETY: the kernel copies the program before the call returns.
    return unsafe steps.withUnsafeBufferPointer { steps in
      guard let first = steps.baseAddress else { return false }
      let program = unsafe Program(stepCount: UInt16(steps.count), steps: first)
      return unsafe withUnsafePointer(to: program) {
        // PR_SET_NO_NEW_PRIVS, and PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
        control(38, 1, 0, 0, 0) == 0 && control(22, 2, UInt(bitPattern: $0), 0, 0) == 0
      }
    }
  }
}
