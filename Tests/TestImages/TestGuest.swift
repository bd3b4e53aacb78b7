// TestGuest: a guest in 64-bit mode with a few bytes of code.

import CKVM
public import KVM
import MMU

/// A guest with 64 KiB of memory: code at 0x1000, tables from 0x2000 on.
///
/// Linear 0 to 2 MiB is physical 0 to 2 MiB; the next 2 MiB are physical 1 GiB on, where no memory
/// is.
@safe public final class TestGuest {
  /// The machine.
  public let machine: VirtualMachine
  /// Its one processor, which is about to run the code.
  public var cpu: VirtualCPU
  /// Its memory.
  public let memory: UnsafeMutableRawPointer

  /// The size of its memory.
  public static let byteCount = 0x10000
  /// Where the code is.
  public static let codeAddress = 0x1000
  /// The linear address of a place without memory.
  public static let absent: UInt64 = 0x20_0000

  /// Makes the guest; it has not run yet.
  public init(code: [UInt8]) throws {
    let device = try Device()
    let machine = try device.makeVirtualMachine()
    machine.reserveHostPages(at: GuestPhysicalAddress(truncating: 0xfeff_c000))
    // SAFETY: a new allocation that this object frees; all offsets below are inside of it.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.byteCount, alignment: 4096)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
    for (index, byte) in code.enumerated() {
      unsafe memory.storeBytes(of: byte, toByteOffset: Self.codeAddress + index, as: UInt8.self)
    }
    let entries: [(offset: Int, word: UInt64)] = [
      (0x2000, 0x3003), (0x3000, 0x4003), (0x4000, 0x83), (0x4008, 0x4000_0083),
    ]
    for entry in entries {
      unsafe memory.storeBytes(of: entry.word, toByteOffset: entry.offset, as: UInt64.self)
    }
    // SAFETY: the memory lives as long as the machine.
    try unsafe machine.setMemorySlot(
      0, at: GuestPhysicalAddress(truncating: 0), memory: memory, byteCount: UInt64(Self.byteCount))
    let cpu = try machine.makeVirtualCPU()
    try cpu.setProcessor(device.supportedProcessor())
    try cpu.setSpecialRegisters(Self.longMode(try cpu.specialRegisters()))
    var registers = kvm_regs()
    registers.rip = UInt64(Self.codeAddress)
    registers.rsp = 0x8000
    registers.rflags = 2
    try cpu.setRegisters(registers)
    self.machine = machine
    self.cpu = cpu
    unsafe self.memory = memory
  }

  deinit {
    // SAFETY: allocated by `init`; the guest does not run any more.
    unsafe memory.deallocate()
  }

  private static func longMode(_ reset: kvm_sregs) -> kvm_sregs {
    var registers = reset
    registers.cr0 = 0x8005_0033
    registers.cr3 = 0x2000
    registers.cr4 = 0x20
    registers.efer = 0x500
    var segment = kvm_segment()
    segment.limit = 0xffff_ffff
    segment.present = 1
    segment.s = 1
    segment.g = 1
    segment.selector = 8
    segment.type = 11
    segment.l = 1
    registers.cs = segment
    segment.selector = 16
    segment.type = 3
    segment.l = 0
    segment.db = 1
    registers.ds = segment
    registers.es = segment
    registers.ss = segment
    registers.idt.limit = 0
    return registers
  }
}
