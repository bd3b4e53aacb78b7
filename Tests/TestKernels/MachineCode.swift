// MachineCode: the few instructions that test kernels are made of.
//
// Source: Intel SDM volume 2, the encoding of each instruction.

/// Machine code for 64-bit mode, byte by byte.
package struct MachineCode {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// A general register by its number in an encoding, 0 to 7.
  package enum Register: UInt8 { case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi }

  package mutating func emit(_ code: UInt8...) { bytes += code }

  package mutating func append(_ code: [UInt8]) { bytes += code }

  /// MOV r64, imm64.
  package mutating func load(_ register: Register, _ value: UInt64) {
    emit(0x48, 0xb8 + register.rawValue)
    for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
      emit(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// MOV CR3, r64 by way of RAX.
  package mutating func loadCR3(_ value: UInt64) {
    load(.rax, value)
    emit(0x0f, 0x22, 0xd8)
  }

  /// OR of bits to CR4.
  package mutating func setCR4(_ bits: UInt32) {
    // mov rax, cr4; or eax, imm32; mov cr4, rax
    emit(0x0f, 0x20, 0xe0, 0x0d)
    for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
      emit(UInt8(truncatingIfNeeded: bits >> shift))
    }
    emit(0x0f, 0x22, 0xe0)
  }

  /// AND of CR0 with the complement of CR0.WP.
  package mutating func clearWP() {
    // mov rax, cr0; and eax, 0xfffeffff; mov cr0, rax
    emit(0x0f, 0x20, 0xc0, 0x25, 0xff, 0xff, 0xfe, 0xff, 0x0f, 0x22, 0xc0)
  }

  /// IA32_EFER, without the bits of `mask`.
  package mutating func clearEFER(_ mask: UInt32) {
    // mov ecx, 0xc0000080; rdmsr; and eax, imm32; wrmsr
    emit(0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x25)
    for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
      emit(UInt8(truncatingIfNeeded: ~mask >> shift))
    }
    emit(0x0f, 0x30)
  }

  /// MOV [address], EAX by way of RCX.
  package mutating func write(_ address: UInt64) {
    load(.rcx, address)
    emit(0x89, 0x01)
  }

  /// MOV EAX, [address] by way of RCX.
  package mutating func read(_ address: UInt64) {
    load(.rcx, address)
    emit(0x8b, 0x01)
  }

  /// JMP to an address by way of RAX.
  package mutating func jump(_ address: UInt64) {
    load(.rax, address)
    emit(0xff, 0xe0)
  }

  /// LGDT or LIDT of the register at an address.
  package mutating func loadTable(_ code: UInt8, _ address: UInt64) {
    load(.rcx, address)
    emit(0x0f, 0x01, code)
  }
  package mutating func loadGDT(_ address: UInt64) { loadTable(0x11, address) }
  package mutating func loadIDT(_ address: UInt64) { loadTable(0x19, address) }

  /// OUT port, AL with a value.
  package mutating func output(_ value: UInt8, _ port: UInt8) { emit(0xb0, value, 0xe6, port) }

  /// A byte to the serial line.
  package mutating func print(_ text: String) {
    for byte in text.utf8 { emit(0x66, 0xba, 0xf8, 0x03, 0xb0, byte, 0xee) }
  }

  /// The report of success, and HLT for ever.
  package mutating func succeed() {
    output(0x10, 0xf4)
    stop()
  }

  /// CLI; HLT; and again.
  package mutating func stop() { emit(0xfa, 0xf4, 0xeb, 0xfd) }
}
