// FaultFinder, the instruction: what its bytes and the registers say of the exception that it raises.

import MMU

extension FaultFinder {
  /// The address of the instruction that is not canonical; false where it uses none.
  ///
  /// Source: Intel SDM volume 1, section 3.3.7.1 (#GP or #SS).
  @discardableResult
  mutating func takeNonCanonical(_ evidence: Evidence) -> Bool {
    let width = linear.tables.configuration.linearAddressWidth
    let bytes = result.instructionBytes
    func isWrong(_ address: UInt64?) -> UInt64? {
      address.flatMap { width.isCanonical($0) ? nil : $0 }
    }
    // QEMU's emulator goes to the address first, and raises the exception there.
    if let target = isWrong(result.instruction) ?? isWrong(jumpTarget(bytes)) {
      take(target, .fetch, isKindKnown: true, role: .code, evidence: evidence)
    } else if usesStack, let rsp = isWrong(registers.rsp) {
      take(rsp, .read, isKindKnown: false, role: .stack, evidence: evidence)
    } else if let address = isWrong(MemoryOperand(bytes, registers.general)?.address) {
      take(address, .read, isKindKnown: false, role: .data, evidence: evidence)
    } else {
      return false
    }
    return true
  }

  /// Where JMP or CALL through a register, or RET, leads; nil for other instructions.
  func jumpTarget(_ bytes: [UInt8]) -> UInt64? {
    var bytes = bytes[...]
    var extended = 0
    if let prefix = bytes.first, prefix >> 4 == 4 {
      extended = Int(prefix & 1) * 8
      bytes = bytes.dropFirst()
    }
    switch bytes.first {
    case 0xc3: return linear.word(at: registers.rsp)
    case 0xff:
      guard let modifier = bytes.dropFirst().first, modifier >> 6 == 3,
        [2, 4].contains(modifier >> 3 & 7)
      else { return nil }
      return registers.general[Int(modifier & 7) + extended]
    default: return nil
    }
  }

  /// The instruction pushes, pops, calls or returns.
  ///
  /// Source: Intel SDM volume 2D, appendix A, table A-2 (one-byte opcodes).
  var usesStack: Bool {
    var bytes = result.instructionBytes[...]
    while let byte = bytes.first, byte >> 4 == 4 || byte == 0x66 { bytes = bytes.dropFirst() }
    guard let opcode = bytes.first else { return false }
    switch opcode {
    case 0x50...0x5f, 0x68, 0x6a, 0x8f, 0x9c, 0x9d, 0xc2, 0xc3, 0xc8, 0xc9, 0xca, 0xcb, 0xcf, 0xe8:
      return true
    // CALL and PUSH of group 5.
    case 0xff: return bytes.dropFirst().first.map { [2, 3, 6].contains($0 >> 3 & 7) } ?? false
    default: return false
    }
  }

  /// What the instruction does with the stack: where, and whether it writes; nil where it does not use it.
  ///
  /// Source: Intel SDM volume 2B, PUSH, POP, CALL and RET.
  var stackAccess: (address: UInt64, kind: AccessKind)? {
    guard usesStack else { return nil }
    var bytes = result.instructionBytes[...]
    while let byte = bytes.first, byte >> 4 == 4 || byte == 0x66 { bytes = bytes.dropFirst() }
    switch bytes.first ?? 0 {
    case 0x58...0x5f, 0x8f, 0x9d, 0xc2, 0xc3, 0xca, 0xcb, 0xcf: return (registers.rsp, .read)
    // LEAVE reads where RBP leads.
    case 0xc9: return (registers.general[5], .read)
    default: return (registers.rsp &- 8, .write)
    }
  }

  /// The reserved bits of what the instruction at RIP loads into CR3; nil when it does not, or when
  /// there are none.
  ///
  /// Source: Intel SDM volume 2B, MOV to control registers, and volume 3A, section 2.5 (CR3).
  func reservedBitsLoaded() -> UInt64? {
    var bytes = result.instructionBytes[...]
    var extension8 = 0
    if let prefix = bytes.first, prefix >> 4 == 4 {
      extension8 = Int(prefix & 1) * 8
      guard prefix & 4 == 0 else { return nil }
      bytes = bytes.dropFirst()
    }
    guard bytes.starts(with: [0x0f, 0x22]), let modifier = bytes.dropFirst(2).first,
      modifier >> 3 & 7 == 3
    else { return nil }
    let value = registers.general[Int(modifier & 7) + extension8]
    let width = UInt64(linear.tables.configuration.physicalAddressWidth)
    // Bit 63 only with CR4.PCIDE.
    let bit63: UInt64 = registers.cr4 >> 17 & 1 != 0 ? 1 << 63 : 0
    let reserved = value & ~0 << width & ~bit63
    return reserved == 0 ? nil : reserved
  }

  /// The exception that the instruction raises whatever its operands are: UD0, UD1, UD2, INT3, INT1.
  ///
  /// Source: Intel SDM volume 2B, UD and INT.
  var vectorOfInstruction: UInt8? {
    let bytes = result.instructionBytes
    switch (bytes.first, bytes.dropFirst().first) {
    case (0x0f, 0x0b), (0x0f, 0xb9), (0x0f, 0xff): return 6
    case (0xcc, _): return 3
    case (0xf1, _): return 1
    default: return nil
    }
  }
}
