// MappedMemory: a range of this process's addresses, for as long as somebody refers to it.

internal import CLinux

/// A mapped range that is unmapped when its last owner is gone: the memory or the books of frames
/// themselves, or a view, table or handle that reads them.
///
/// Views carry a reference to it, so that no order in which values end can leave one behind that
/// leads nowhere.
@safe final class MappedMemory: Sendable {
  /// Where the range begins in this process.
  nonisolated(unsafe) let baseAddress: UnsafeMutableRawPointer
  private let byteCount: UInt64

  /// Maps `byteCount` bytes, at least one, of a file or of zeros.
  ///
  /// - Throws: `errorNumber` of mmap(2).
  init(
    byteCount: UInt64, flags: CInt, fileDescriptor: CInt = -1, offset: UInt64 = 0
  ) throws(SystemRefusal) {
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe clinux_map(
      byteCount, CLINUX_PROT_READ | CLINUX_PROT_WRITE, flags | CLINUX_MAP_NORESERVE, fileDescriptor,
      offset, &address)
    guard result >= 0, let mapped = unsafe address else {
      throw SystemRefusal(errorNumber: Int32(truncatingIfNeeded: -result))
    }
    unsafe baseAddress = mapped
    self.byteCount = byteCount
  }

  deinit {
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe clinux_unmap(baseAddress, byteCount)
  }
}

/// The number of the error with which the system refused something.
struct SystemRefusal: Error {
  let errorNumber: Int32
}
