// ProcessorSegments: the segments and descriptor tables that a core's note holds about a processor.

/// The segments and descriptor tables of a processor that decide how it goes on.
public struct ProcessorSegments: Hashable, Sendable {
  /// CS; in 64-bit mode its base does not count.
  public let code: SegmentRegister
  /// TR, the task-state segment.
  public let task: SegmentRegister
  /// GDTR: base and limit.
  public let globalDescriptorTable: SegmentRegister
  /// IDTR: base and limit.
  public let interruptDescriptorTable: SegmentRegister
}

/// A segment register, or the base and limit of a descriptor table.
public struct SegmentRegister: Hashable, Sendable {
  /// The selector; 0 for descriptor tables.
  public let selector: UInt32
  /// The offset of the last byte.
  public let limit: UInt32
  /// Bits 23:8 of the descriptor's second half; bit 21 is L.
  public let flags: UInt32
  /// The linear address of the first byte.
  public let base: UInt64

  /// L of a code segment: the code is 64-bit code.
  public var isLongMode: Bool { flags & 1 << 21 != 0 }
}

extension ProcessorSegments {
  /// Those of QEMU's note at `place`: ten in the order CS, DS, ES, FS, GS, SS, LDTR, TR, GDTR, IDTR.
  ///
  /// Source: QEMU, `target/i386/arch_dump.c`, `struct QEMUCPUSegment`.
  init?(ofQEMU place: UInt64, _ file: borrowing FileBytes) {
    func segment(_ index: UInt64, _ file: borrowing FileBytes) -> SegmentRegister? {
      let start = place + 0x98 + 24 * index
      guard let selector = file.load(UInt32.self, at: start),
        let limit = file.load(UInt32.self, at: start + 4),
        let flags = file.load(UInt32.self, at: start + 8),
        let base = file.load(UInt64.self, at: start + 16)
      else { return nil }
      return SegmentRegister(selector: selector, limit: limit, flags: flags, base: base)
    }
    guard let code = segment(0, file), let task = segment(7, file),
      let global = segment(8, file), let interrupt = segment(9, file)
    else { return nil }
    self.init(
      code: code, task: task, globalDescriptorTable: global, interruptDescriptorTable: interrupt)
  }
}
