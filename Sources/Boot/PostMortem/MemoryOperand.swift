// MemoryOperand: the address that an instruction of a common kind uses.

/// The address of an instruction's memory operand, by its bytes and the registers.
///
/// It covers the instructions that compilers and authors of kernels use most, in 64-bit mode, without
/// segments other than flat ones and without addresses relative to RIP.
///
/// Source: Intel SDM volume 2A, chapter 2 (instruction format) and table 2-2 (ModR/M byte).
struct MemoryOperand {
  /// The address, all 64 bits of it.
  let address: UInt64
  /// The instruction writes there, whatever else it does.
  let isWritten: Bool

  /// Where the memory operand of the instruction is; nil for one that is not covered or has none.
  init?(_ instruction: [UInt8], _ general: [UInt64]) {
    var bytes = instruction[...]
    while let byte = bytes.first, [0x66, 0xf2, 0xf3, 0xf0].contains(byte) {
      bytes = bytes.dropFirst()
    }
    var extensions: UInt8 = 0
    if let byte = bytes.first, byte >> 4 == 4 {
      extensions = byte & 0xf
      bytes = bytes.dropFirst()
    }
    guard let opcode = bytes.popFirst() else { return nil }
    var second: UInt8?
    if opcode == 0x0f {
      second = bytes.popFirst()
      guard let second, Self.hasOperand(second: second) else { return nil }
    } else if !Self.hasOperand(opcode) {
      return nil
    }
    guard let modifier = bytes.popFirst(), modifier >> 6 != 3, general.count == 16 else {
      return nil
    }
    var sum: UInt64 = 0
    var mode = modifier >> 6
    let extendedBase = Int(extensions & 1) * 8
    if modifier & 7 == 4 {
      guard let scale = bytes.popFirst() else { return nil }
      let index = Int(scale >> 3 & 7) + Int(extensions >> 1 & 1) * 8
      if index != 4 { sum &+= general[index] << UInt64(scale >> 6) }
      if scale & 7 == 5 && mode == 0 {
        mode = 2
      } else {
        sum &+= general[Int(scale & 7) + extendedBase]
      }
    } else if modifier & 7 == 5 && mode == 0 {
      // Relative to the next instruction, whose place depends on the length of this one.
      return nil
    } else {
      sum &+= general[Int(modifier & 7) + extendedBase]
    }
    switch mode {
    case 1:
      guard let displacement = bytes.first else { return nil }
      sum &+= UInt64(bitPattern: Int64(Int8(bitPattern: displacement)))
    case 2:
      guard bytes.count >= 4 else { return nil }
      let displacement = bytes.prefix(4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      sum &+= UInt64(bitPattern: Int64(Int32(bitPattern: displacement)))
    default: break
    }
    address = sum
    isWritten =
      second.map { Self.writes(second: $0) } ?? Self.writes(opcode, field: modifier >> 3 & 7)
  }

  private static func writes(_ opcode: UInt8, field: UInt8) -> Bool {
    switch opcode {
    // Into memory, but for CMP.
    case 0x00..<0x40: opcode & 7 < 2 && opcode < 0x38
    case 0x80...0x83: field != 7
    // XCHG, and MOV into memory; POP.
    case 0x86...0x89, 0x8f, 0xc6, 0xc7: true
    case 0xc0, 0xc1, 0xd0...0xd3: true
    // NOT and NEG.
    case 0xf6, 0xf7: field == 2 || field == 3
    // INC and DEC.
    case 0xfe, 0xff: field < 2
    default: false
    }
  }

  private static func writes(second opcode: UInt8) -> Bool {
    switch opcode {
    // MOVUPS, MOVAPS and MOVQ into memory; BTS, CMPXCHG, BTR, BTC, XADD, CMPXCHG8B.
    case 0x11, 0x29, 0x7f, 0xab, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1, 0xc7: true
    default: false
    }
  }

  private static func hasOperand(_ opcode: UInt8) -> Bool {
    switch opcode {
    // ADD, OR, ADC, SBB, AND, SUB, XOR, CMP with a ModR/M byte.
    case 0x00..<0x40: opcode & 7 < 4
    case 0x63, 0x69, 0x6b, 0x80...0x8b, 0x8f, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0...0xd3, 0xf6, 0xf7, 0xfe,
      0xff:
      true
    default: false
    }
  }

  private static func hasOperand(second opcode: UInt8) -> Bool {
    switch opcode {
    case 0x01, 0x10, 0x11, 0x28, 0x29, 0x6f, 0x7f, 0xa3, 0xab, 0xb0, 0xb1, 0xb3, 0xb6, 0xb7, 0xbb,
      0xbe, 0xbf, 0xc0, 0xc1, 0xc7:
      true
    default: false
    }
  }
}
