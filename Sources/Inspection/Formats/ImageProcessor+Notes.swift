// The layouts of the notes in which QEMU and VirtualBox describe a processor.

extension ImageProcessor {
  /// Reads QEMU's note; nil where it is too short, or of another version than 1.
  ///
  /// Source: QEMU, `target/i386/arch_dump.c`, `struct QEMUCPUState`.
  init?(ofQEMU place: UInt64, _ byteCount: UInt64, _ file: borrowing FileBytes) {
    guard byteCount >= 440, file.load(UInt32.self, at: place) == 1,
      let stackPointer = file.load(UInt64.self, at: place + 0x38),
      let instructionPointer = file.load(UInt64.self, at: place + 0x88),
      let flags = file.load(UInt64.self, at: place + 0x90),
      let codeSelector = file.load(UInt32.self, at: place + 0x98),
      let cr0 = file.load(UInt64.self, at: place + 0x188),
      let cr2 = file.load(UInt64.self, at: place + 0x198),
      let cr3 = file.load(UInt64.self, at: place + 0x1a0),
      let cr4 = file.load(UInt64.self, at: place + 0x1a8)
    else { return nil }
    self.init(
      source: .qemu, cr0: cr0, cr2: cr2, cr3: cr3, cr4: cr4,
      instructionPointer: instructionPointer, stackPointer: stackPointer, flags: flags,
      currentPrivilegeLevel: UInt8(codeSelector & 3), efer: nil, pageAttributeTable: nil,
      segments: ProcessorSegments(ofQEMU: place, file))
  }

  /// Reads VirtualBox's note; nil where it is too short.
  ///
  /// All versions have the registers up to IA32_PAT at these places.
  ///
  /// Source: VirtualBox, `include/VBox/vmm/dbgfcorefmt.h`, `DBGFCORECPU`.
  init?(ofVirtualBox place: UInt64, _ byteCount: UInt64, _ file: borrowing FileBytes) {
    guard byteCount >= 0x200,
      let instructionPointer = file.load(UInt64.self, at: place + 0x70),
      let stackPointer = file.load(UInt64.self, at: place + 0x78),
      let flags = file.load(UInt64.self, at: place + 0x88),
      let codeSelector = file.load(UInt16.self, at: place + 0xa0),
      let cr0 = file.load(UInt64.self, at: place + 0x120),
      let cr2 = file.load(UInt64.self, at: place + 0x128),
      let cr3 = file.load(UInt64.self, at: place + 0x130),
      let cr4 = file.load(UInt64.self, at: place + 0x138),
      let efer = file.load(UInt64.self, at: place + 0x1e8),
      let pat = file.load(UInt64.self, at: place + 0x1f8)
    else { return nil }
    self.init(
      source: .virtualBox, cr0: cr0, cr2: cr2, cr3: cr3, cr4: cr4,
      instructionPointer: instructionPointer, stackPointer: stackPointer, flags: flags,
      currentPrivilegeLevel: UInt8(codeSelector & 3), efer: efer, pageAttributeTable: pat)
  }
}
