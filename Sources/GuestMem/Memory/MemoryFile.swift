// MemoryFile: a file without a name that memory stands in, for as long as somebody refers to it.

internal import CLinux

/// A memory file, closed when its last owner is gone: the memory that shows it, or whoever makes
/// copies of that memory.
///
/// It is sealed against shrinking, so that no mapping of it can lose its pages.
///
/// Source: memfd_create(2), fcntl(2) F_SEAL_SHRINK.
package final class MemoryFile: Sendable {
  /// The descriptor; it belongs to this object.
  package let fileDescriptor: CInt
  /// The size in bytes, at least a page.
  package let byteCount: UInt64

  /// A file of zeros.
  ///
  /// - Throws: ``GuestMemoryError/refused(operation:byteCount:errorNumber:)``.
  init(byteCount: UInt64) throws(GuestMemoryError) {
    // SAFETY: the name is a literal, which is zero-terminated and outlives the call.
    let descriptor = unsafe clinux_memory_file("kvmpt-guest-memory")
    guard descriptor >= 0 else {
      throw .refused(
        operation: "memfd_create", byteCount: byteCount, errorNumber: Int32(-descriptor))
    }
    fileDescriptor = CInt(descriptor)
    self.byteCount = max(byteCount, 4096)
    let sized = clinux_set_size(fileDescriptor, self.byteCount)
    guard sized >= 0 else {
      throw .refused(operation: "ftruncate", byteCount: byteCount, errorNumber: Int32(-sized))
    }
    let sealed = clinux_seal_against_shrinking(fileDescriptor)
    guard sealed >= 0 else {
      throw .refused(operation: "fcntl", byteCount: byteCount, errorNumber: Int32(-sealed))
    }
  }

  deinit { _ = clinux_close(fileDescriptor) }
}
