// What an instruction does with memory is read from its bytes.

import Testing

@testable import Boot

@Suite("An instruction's memory operand")
struct MemoryOperandTests {
  /// RCX leads there.
  private static let address: UInt64 = 0x1234_5678_9000

  private func operand(_ bytes: [UInt8]) -> MemoryOperand? {
    var general = [UInt64](repeating: 0, count: 16)
    general[1] = Self.address
    general[9] = Self.address + 0x1000
    return MemoryOperand(bytes, general)
  }

  /// Instructions with a name each, and whether they write to [RCX].
  static let instructions: [(name: String, bytes: [UInt8], isWritten: Bool)] = [
    ("mov [rcx], eax", [0x89, 0x01], true), ("mov [rcx], al", [0x88, 0x01], true),
    ("mov eax, [rcx]", [0x8b, 0x01], false), ("mov al, [rcx]", [0x8a, 0x01], false),
    ("mov dword [rcx], 7", [0xc7, 0x01, 7, 0, 0, 0], true),
    ("mov byte [rcx], 7", [0xc6, 0x01, 7], true),
    ("add [rcx], eax", [0x01, 0x01], true), ("add eax, [rcx]", [0x03, 0x01], false),
    ("xor [rcx], al", [0x30, 0x01], true), ("xor al, [rcx]", [0x32, 0x01], false),
    ("cmp [rcx], eax", [0x39, 0x01], false), ("cmp [rcx], al", [0x38, 0x01], false),
    ("cmp eax, [rcx]", [0x3b, 0x01], false),
    ("add dword [rcx], 1", [0x83, 0x01, 1], true), ("or byte [rcx], 1", [0x80, 0x09, 1], true),
    ("cmp dword [rcx], 1", [0x83, 0x39, 1], false), ("cmp byte [rcx], 1", [0x80, 0x39, 1], false),
    ("test [rcx], eax", [0x85, 0x01], false), ("test [rcx], al", [0x84, 0x01], false),
    ("xchg [rcx], eax", [0x87, 0x01], true), ("xchg [rcx], al", [0x86, 0x01], true),
    ("test dword [rcx], 1", [0xf7, 0x01, 1, 0, 0, 0], false),
    ("not dword [rcx]", [0xf7, 0x11], true), ("neg byte [rcx]", [0xf6, 0x19], true),
    ("mul dword [rcx]", [0xf7, 0x21], false), ("div dword [rcx]", [0xf7, 0x31], false),
    ("inc dword [rcx]", [0xff, 0x01], true), ("dec byte [rcx]", [0xfe, 0x09], true),
    ("call [rcx]", [0xff, 0x11], false), ("jmp [rcx]", [0xff, 0x21], false),
    ("push [rcx]", [0xff, 0x31], false), ("pop [rcx]", [0x8f, 0x01], true),
    ("shl dword [rcx], 1", [0xd1, 0x21], true), ("shl dword [rcx], 3", [0xc1, 0x21, 3], true),
    ("imul eax, [rcx], 3", [0x6b, 0x01, 3], false), ("movsxd rax, [rcx]", [0x63, 0x01], false),
    ("movzx eax, byte [rcx]", [0x0f, 0xb6, 0x01], false),
    ("cmpxchg [rcx], eax", [0x0f, 0xb1, 0x01], true),
    ("xadd [rcx], eax", [0x0f, 0xc1, 0x01], true), ("bt [rcx], eax", [0x0f, 0xa3, 0x01], false),
    ("bts [rcx], eax", [0x0f, 0xab, 0x01], true), ("btr [rcx], eax", [0x0f, 0xb3, 0x01], true),
    ("movups [rcx], xmm0", [0x0f, 0x11, 0x01], true),
    ("movups xmm0, [rcx]", [0x0f, 0x10, 0x01], false),
  ]

  @Test("It is known whether it is written", arguments: instructions.indices)
  func isWritten(_ index: Int) throws {
    let instruction = Self.instructions[index]
    let found = try #require(operand(instruction.bytes), "\(instruction.name)")
    #expect(found.isWritten == instruction.isWritten, "\(instruction.name)")
    #expect(found.address == Self.address, "\(instruction.name)")
    // The same with REX.W, and with LOCK before it.
    #expect(operand([0x48] + instruction.bytes)?.isWritten == instruction.isWritten)
    #expect(operand([0xf0] + instruction.bytes)?.isWritten == instruction.isWritten)
    // REX.B leads to R9, whatever the instruction does.
    #expect(operand([0x41] + instruction.bytes)?.address == Self.address + 0x1000)
  }

  @Test("An instruction without one has none")
  func none() {
    for bytes: [UInt8] in [
      [0x90], [0xf4], [0x89, 0xc1], [0xff, 0xc1], [0x0f, 0x0b], [0x0f, 0x22, 0xd8], [0x50], [],
      [0x89], [0x0f], [0x48, 0x89, 0x81],
    ] {
      #expect(operand(bytes) == nil, "\(bytes)")
    }
  }
}
