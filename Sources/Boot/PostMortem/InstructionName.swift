// InstructionName: the mnemonics of instructions that KVM of some hosts cannot execute.

/// Names instructions that hosts are known to lack where they emulate the kernel's privilege.
package enum InstructionName {
  /// The mnemonic of the instruction that begins with `bytes`; nil for one that is not in the table.
  ///
  /// Source: Intel SDM volume 2, the encoding of each instruction.
  package static func of(_ bytes: [UInt8]) -> String? {
    let table: [([UInt8], String)] = [
      ([0xcc], "INT3"), ([0xcd], "INT n"), ([0xf1], "INT1"), ([0x0f, 0x01, 0xca], "CLAC"),
      ([0x0f, 0x01, 0xcb], "STAC"), ([0x0f, 0x01, 0xef], "WRPKRU"), ([0x0f, 0x01, 0xee], "RDPKRU"),
      ([0x66, 0x0f, 0x38, 0x82], "INVPCID"), ([0xf3, 0x0f, 0xb8], "POPCNT"),
      ([0xf3, 0x48, 0x0f, 0xb8], "POPCNT"), ([0x0f, 0x38, 0xf0], "MOVBE"),
      ([0x0f, 0x38, 0xf1], "MOVBE"), ([0x66, 0x0f, 0xae], "CLWB or CLFLUSHOPT"),
      ([0x0f, 0xae], "an instruction of group 15, such as FXSAVE"),
      ([0x0f, 0xc7], "an instruction of group 9, such as RDRAND or XSAVES"),
      ([0xc4], "an AVX instruction"), ([0xc5], "an AVX instruction"),
      ([0x62], "an AVX-512 instruction"),
    ]
    return table.first { bytes.starts(with: $0.0) }?.1
  }
}
