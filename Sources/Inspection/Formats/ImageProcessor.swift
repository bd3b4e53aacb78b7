// ImageProcessor: the registers that a core's note holds about one virtual processor.

/// What a note in a core says about one virtual processor.
///
/// No note has PKRU or the processor's MAXPHYADDR, and QEMU's has no IA32_EFER and no IA32_PAT.
public struct ImageProcessor: Hashable, Sendable {
  /// Who wrote the note.
  public enum Source: String, Hashable, Sendable {
    /// QEMU's dump-guest-memory.
    case qemu = "QEMU"
    /// VirtualBox's dumpvmcore.
    case virtualBox = "VirtualBox"
    /// The monitor of a running QEMU.
    case qemuMonitor = "QEMU's monitor"
    /// A debugger's stub.
    case debugger = "the debugger's stub"
  }

  /// Who wrote the note.
  public let source: Source
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
  /// IA32_EFER, of which bit 11 is NXE; nil where the note has none.
  public let efer: UInt64?
  /// IA32_PAT; nil where the note has none.
  public let pageAttributeTable: UInt64?
  /// The segments and descriptor tables; nil where they are not known.
  public internal(set) var segments: ProcessorSegments?

  /// CR4.LA57: the root is a PML5.
  public var isFiveLevel: Bool { cr4 & 1 << 12 != 0 }
  /// IA32_EFER.NXE; nil where the note has no IA32_EFER.
  public var isNoExecuteEnabled: Bool? { efer.map { $0 & 1 << 11 != 0 } }
  /// CR0.PG and CR4.PAE are set: the tables are those of long mode, or PAE ones.
  public var isPagingEnabled: Bool { cr0 & 1 << 31 != 0 && cr4 & 1 << 5 != 0 }
}
