// ImageProcessor: the registers that a core's note holds about one virtual processor.

/// What QEMU's note in a core says about one virtual processor.
///
/// The note has neither IA32_EFER nor PKRU nor the processor's MAXPHYADDR.
///
/// Source: QEMU, `target/i386/arch_dump.c`, `struct QEMUCPUState`, version 1.
public struct ImageProcessor: Hashable, Sendable {
  /// CR0; bit 16 is WP.
  public let cr0: UInt64
  /// CR2, the address of the last page fault.
  public let cr2: UInt64
  /// CR3, the root of the tables.
  public let cr3: UInt64
  /// CR4; bit 12 is LA57, 20 SMEP, 21 SMAP, 22 PKE, 24 PKS.
  public let cr4: UInt64
  /// RIP.
  public let instructionPointer: UInt64
  /// RSP.
  public let stackPointer: UInt64
  /// RFLAGS; bit 18 is AC.
  public let flags: UInt64
  /// Bits 1:0 of the CS selector, 0 to 3: the privilege of the running code.
  public let currentPrivilegeLevel: UInt8

  /// CR4.LA57: the root is a PML5.
  public var isFiveLevel: Bool { cr4 & 1 << 12 != 0 }
  /// CR0.PG and CR4.PAE are set: the tables are those of long mode, or PAE ones.
  public var isPagingEnabled: Bool { cr0 & 1 << 31 != 0 && cr4 & 1 << 5 != 0 }
}
