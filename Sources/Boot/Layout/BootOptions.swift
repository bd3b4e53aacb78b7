// BootOptions: what a guest is given besides its kernel.

/// Whose tables the kernel starts on.
package enum BootTables: String, CaseIterable, Hashable, Sendable {
  /// kvmpt makes tables whose rights are the flags of the program headers, and enters the ELF entry in
  /// 64-bit mode.
  case programHeaders = "program-headers"
  /// The kernel makes its own: it is entered by the PVH protocol, in 32-bit mode without paging.
  case own
}

/// What a guest is given.
package struct BootOptions: Hashable, Sendable {
  /// The size of RAM in bytes, from physical address 0 on; a multiple of 2 MiB, 4 MiB to 3 GiB.
  package var memoryByteCount: UInt64 = 128 << 20
  /// The command line, without a NUL, at most 2047 bytes of UTF-8.
  package var commandLine = ""
  /// Whose tables the kernel starts on; nil: its own where it has a PVH note.
  package var tables: BootTables?
  /// How long it may run.
  package var timeLimit: Duration = .seconds(10)
  /// What the guest writes to port 0xf4 to say that all went well.
  package var successByte: UInt8 = 0x10
  /// MAXPHYADDR of a QEMU machine, 32 to 52.
  package var physicalAddressWidth: UInt8 = 48

  /// The defaults.
  package init() {}
}
