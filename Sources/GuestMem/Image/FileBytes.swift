// FileBytes: the bytes of a file, mapped and never read whole.

internal import CKVM

/// The owner of a read-only view of a file, or of a copy of bytes in memory.
///
/// A file that somebody shortens while it is mapped ends the process when the lost part is read
/// (SIGBUS, mmap(2)); take a copy of a file that is still being written.
@safe struct FileBytes: ~Copyable, @unchecked Sendable {
  /// The size in bytes.
  let count: UInt64
  private let baseAddress: UnsafeMutableRawPointer
  private let isMapped: Bool

  /// Maps the file at `path`.
  ///
  /// Throws: ``MemoryImageError`` when the file cannot be opened or mapped, or is empty.
  init(path: String) throws(MemoryImageError) {
    // SAFETY: the string outlives the call.
    let opened = unsafe path.withCString { unsafe ckvm_open_read_only($0) }
    guard opened >= 0 else { throw .unreadable(errorNumber: Int32(-opened)) }
    defer { _ = ckvm_close(CInt(opened)) }
    let size = ckvm_file_size(CInt(opened))
    guard size >= 0 else { throw .unreadable(errorNumber: Int32(-size)) }
    guard size > 0 else { throw .empty }
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe ckvm_map(
      UInt64(size), CKVM_PROT_READ, CKVM_MAP_PRIVATE | CKVM_MAP_NORESERVE, CInt(opened), 0, &address
    )
    guard result >= 0, let mapped = unsafe address else {
      throw .unreadable(errorNumber: Int32(-result))
    }
    count = UInt64(size)
    unsafe baseAddress = mapped
    isMapped = true
  }

  /// Copies `bytes`, which must not be empty.
  init(copying bytes: [UInt8]) throws(MemoryImageError) {
    guard !bytes.isEmpty else { throw .empty }
    // SAFETY: the buffer is as large as what is copied into it, and `self` owns it.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    guard let start = buffer.baseAddress else { throw .empty }
    unsafe buffer.copyBytes(from: bytes)
    count = UInt64(bytes.count)
    unsafe baseAddress = start
    isMapped = false
  }

  deinit {
    if isMapped {
      // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
      _ = unsafe ckvm_unmap(baseAddress, count)
    } else {
      // SAFETY: the bytes were allocated by the initializer and are freed nowhere else.
      unsafe baseAddress.deallocate()
    }
  }

  /// The integer of `type` at `offset`, lowest byte first, or nil where it does not fit.
  @inline(__always)
  func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, at offset: UInt64
  ) -> Number? {
    let size = UInt64(MemoryLayout<Number>.size)
    guard count >= size, offset <= count - size else { return nil }
    // SAFETY: the bytes lie inside the view, and an unaligned load needs no alignment.
    return unsafe Number(
      littleEndian: (baseAddress + Int(truncatingIfNeeded: offset)).loadUnaligned(as: type))
  }

  /// True when `byteCount` bytes from `offset` on lie inside the view.
  func contains(_ offset: UInt64, byteCount: UInt64) -> Bool {
    byteCount <= count && offset <= count - byteCount
  }
}
