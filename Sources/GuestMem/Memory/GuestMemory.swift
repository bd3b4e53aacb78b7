// GuestMemory: the owner of one range of guest RAM.

internal import CKVM

/// Guest RAM: `byteCount` bytes of this process's memory, zero at first, given back at the end.
///
/// The memory is sparse: a page costs nothing until it is written.
@safe public struct GuestMemory: ~Copyable, @unchecked Sendable {
  /// What stands behind the memory.
  public enum Backing: Hashable, Sendable {
    /// Private to this process.
    case anonymous
    /// A memory file, which can be viewed more than once.
    case memoryFile
  }

  /// The size in bytes; a multiple of 4 KiB.
  public let byteCount: UInt64
  private let baseAddress: UnsafeMutableRawPointer
  let fileDescriptor: CInt

  /// Takes `byteCount` bytes of zeroed memory from the host; 0 is a size like any other.
  ///
  /// Throws: ``GuestMemoryError/invalidByteCount(_:)`` when `byteCount` is not a multiple of 4 KiB
  /// or exceeds 2^52, ``GuestMemoryError/refused(operation:byteCount:errorNumber:)`` when the host
  /// does not give it.
  public init(byteCount: UInt64, backing: Backing) throws(GuestMemoryError) {
    guard byteCount % 4096 == 0, byteCount <= 1 << 52 else { throw .invalidByteCount(byteCount) }
    switch backing {
    case .anonymous:
      try self.init(
        mapping: byteCount, of: -1, offset: 0,
        flags: CKVM_MAP_PRIVATE | CKVM_MAP_ANONYMOUS | CKVM_MAP_NORESERVE)
    case .memoryFile:
      // SAFETY: the name is a literal, which is zero-terminated and outlives the call.
      let descriptor = unsafe ckvm_memory_file("kvmpt-guest-memory")
      guard descriptor >= 0 else {
        throw .refused(
          operation: "memfd_create", byteCount: byteCount, errorNumber: Int32(-descriptor))
      }
      let result = ckvm_set_size(CInt(descriptor), max(byteCount, 4096))
      guard result >= 0 else {
        _ = ckvm_close(CInt(descriptor))
        throw .refused(operation: "ftruncate", byteCount: byteCount, errorNumber: Int32(-result))
      }
      try self.init(
        mapping: byteCount, of: CInt(descriptor), offset: 0,
        flags: CKVM_MAP_SHARED | CKVM_MAP_NORESERVE, owning: CInt(descriptor))
    }
  }

  /// A private copy-on-write view of `byteCount` bytes of somebody's file from `offset` on.
  ///
  /// The descriptor stays the caller's and may be closed afterwards. A page that has not been
  /// written here still shows what others write to the file.
  ///
  /// Throws: ``GuestMemoryError/misalignedOffset(_:)`` and the errors of ``init(byteCount:backing:)``.
  public init(
    copyOf fileDescriptor: CInt, offset: UInt64, byteCount: UInt64
  ) throws(GuestMemoryError) {
    guard byteCount % 4096 == 0, byteCount <= 1 << 52 else { throw .invalidByteCount(byteCount) }
    guard offset % 4096 == 0 else { throw .misalignedOffset(offset) }
    try self.init(
      mapping: byteCount, of: fileDescriptor, offset: offset,
      flags: CKVM_MAP_PRIVATE | CKVM_MAP_NORESERVE)
  }

  /// Maps; `owned`, where given, is closed on an error and otherwise kept for later copies.
  private init(
    mapping byteCount: UInt64, of fileDescriptor: CInt, offset: UInt64, flags: CInt,
    owning owned: CInt = -1
  ) throws(GuestMemoryError) {
    // A mapping of no bytes is an error to mmap, so an empty region holds one page unseen.
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe ckvm_map(
      max(byteCount, 4096), CKVM_PROT_READ | CKVM_PROT_WRITE, flags, fileDescriptor, offset,
      &address)
    guard result >= 0, let mapped = unsafe address else {
      if owned >= 0 { _ = ckvm_close(owned) }
      throw .refused(operation: "mmap", byteCount: byteCount, errorNumber: Int32(-result))
    }
    self.byteCount = byteCount
    unsafe self.baseAddress = mapped
    self.fileDescriptor = owned
  }

  deinit {
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe ckvm_unmap(baseAddress, max(byteCount, 4096))
    if fileDescriptor >= 0 { _ = ckvm_close(fileDescriptor) }
  }

  /// A copy-on-write view of the same memory file; what is written to it stays in it.
  ///
  /// A page that the copy has not written yet may still show later writes to the original.
  ///
  /// Throws: ``GuestMemoryError/notShareable`` for anonymous memory, and what the host refuses.
  public borrowing func privateCopy() throws(GuestMemoryError) -> GuestMemory {
    guard fileDescriptor >= 0 else { throw .notShareable }
    return try GuestMemory(copyOf: fileDescriptor, offset: 0, byteCount: byteCount)
  }

  /// The window through which the memory is read and written; this owner must outlive it.
  public var view: MemoryView {
    // SAFETY: the range is mapped for as long as `self` lives.
    unsafe MemoryView(baseAddress: baseAddress, byteCount: byteCount)
  }
}
