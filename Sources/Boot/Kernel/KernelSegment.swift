// KernelSegment: what one program header of a kernel asks for.

/// A PT_LOAD program header.
///
/// Source: System V ABI, chapter 5 (program header).
package struct KernelSegment: Hashable, Sendable {
  /// The number of the program header, from 0 on.
  package let index: Int
  /// p_vaddr: where the kernel wants to be.
  package let linearAddress: UInt64
  /// p_paddr: where it is put in memory.
  package let physicalAddress: UInt64
  /// p_memsz, at least 1.
  package let byteCount: UInt64
  /// p_filesz, at most ``byteCount``; the rest is zero.
  package let fileByteCount: UInt64
  /// p_offset.
  package let fileOffset: UInt64
  /// PF_W.
  package let isWritable: Bool
  /// PF_X.
  package let isExecutable: Bool

  /// The linear address of the last byte.
  package var lastLinearAddress: UInt64 { linearAddress &+ (byteCount &- 1) }

  /// The rights in letters, such as `r-x`.
  package var rights: String { "r" + (isWritable ? "w" : "-") + (isExecutable ? "x" : "-") }
}
