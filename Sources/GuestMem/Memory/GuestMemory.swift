// GuestMemory: the owner of one range of guest RAM.

internal import CLinux

/// Guest RAM: `byteCount` bytes of this process's memory, zero at first.
///
/// The memory is sparse: a page costs nothing until it is written. It is given back when this owner
/// and every view of it are gone.
public struct GuestMemory: ~Copyable, Sendable {
  /// What stands behind the memory.
  public enum Backing: Hashable, Sendable {
    /// Private to this process.
    case anonymous
    /// A memory file, which can be viewed more than once.
    case memoryFile
  }

  /// The size in bytes; a multiple of 4 KiB.
  public let byteCount: UInt64
  private let mapping: MappedMemory
  /// The memory file, or nil for memory that no copy can be made of.
  package let file: MemoryFile?

  /// Takes `byteCount` bytes of zeroed memory from the host; 0 is a size like any other.
  ///
  /// - Throws: ``GuestMemoryError/invalidByteCount(_:)`` when `byteCount` is not a multiple of 4
  ///   KiB or exceeds 2^52, ``GuestMemoryError/refused(operation:byteCount:errorNumber:)`` when the
  ///   host does not give it.
  public init(byteCount: UInt64, backing: Backing) throws(GuestMemoryError) {
    guard Self.isValid(byteCount) else { throw .invalidByteCount(byteCount) }
    switch backing {
    case .anonymous:
      try self.init(byteCount, flags: CLINUX_MAP_PRIVATE | CLINUX_MAP_ANONYMOUS)
    case .memoryFile:
      let file = try MemoryFile(byteCount: byteCount)
      try self.init(
        byteCount, flags: CLINUX_MAP_SHARED, fileDescriptor: file.fileDescriptor, file: file)
    }
  }

  /// A private copy of `byteCount` bytes of somebody's file from `offset` on.
  ///
  /// The descriptor stays the caller's and may be closed afterwards. The content is what the file
  /// has now. Of a memory file that is sealed against shrinking nothing is read yet: a page that has
  /// not been written here still shows what others write to the file.
  ///
  /// - Throws: ``GuestMemoryError/misalignedOffset(_:)``,
  ///   ``GuestMemoryError/fileTooShort(byteCount:needed:)`` when the file has fewer bytes, and the
  ///   errors of ``init(byteCount:backing:)``.
  public init(
    copyOf fileDescriptor: CInt, offset: UInt64, byteCount: UInt64
  ) throws(GuestMemoryError) {
    guard Self.isValid(byteCount) else { throw .invalidByteCount(byteCount) }
    guard offset % 4096 == 0, offset <= 1 << 62 else { throw .misalignedOffset(offset) }
    let size = clinux_file_size(fileDescriptor)
    guard size >= 0 else {
      throw .refused(operation: "fstat", byteCount: byteCount, errorNumber: Int32(-size))
    }
    let needed = offset + byteCount
    guard UInt64(size) >= needed else {
      throw .fileTooShort(byteCount: UInt64(size), needed: needed)
    }
    if byteCount == 0 || clinux_is_sealed_against_shrinking(fileDescriptor) != 0 {
      let isEmpty = byteCount == 0
      try self.init(
        byteCount, flags: CLINUX_MAP_PRIVATE | (isEmpty ? CLINUX_MAP_ANONYMOUS : 0),
        fileDescriptor: isEmpty ? -1 : fileDescriptor, offset: isEmpty ? 0 : offset)
    } else {
      // Somebody could shorten the file under a mapping of it (SIGBUS, mmap(2)).
      let original = try GuestMemory(byteCount: byteCount, backing: .memoryFile)
      try original.view.fill(
        fromFile: fileDescriptor, offset: offset, byteCount: byteCount)
      self = try original.privateCopy()
    }
  }

  /// Maps; a mapping of no bytes is an error to mmap, so an empty region holds one page unseen.
  private init(
    _ byteCount: UInt64, flags: CInt, fileDescriptor: CInt = -1, offset: UInt64 = 0,
    file: MemoryFile? = nil
  ) throws(GuestMemoryError) {
    do throws(SystemRefusal) {
      mapping = try MappedMemory(
        byteCount: max(byteCount, 4096), flags: flags, fileDescriptor: fileDescriptor,
        offset: offset)
    } catch {
      throw .refused(operation: "mmap", byteCount: byteCount, errorNumber: error.errorNumber)
    }
    self.byteCount = byteCount
    self.file = file
  }

  private static func isValid(_ byteCount: UInt64) -> Bool {
    byteCount % 4096 == 0 && byteCount <= 1 << 52
  }

  /// A copy-on-write view of the same memory file; what is written to it stays in it.
  ///
  /// A page that the copy has not written yet may still show later writes to the original.
  ///
  /// - Throws: ``GuestMemoryError/notShareable`` for anonymous memory, and what the host refuses.
  public borrowing func privateCopy() throws(GuestMemoryError) -> GuestMemory {
    guard let file else { throw .notShareable }
    return try GuestMemory(copyOf: file.fileDescriptor, offset: 0, byteCount: byteCount)
  }

  /// The window through which the memory is read and written; it keeps the memory there.
  public var view: MemoryView {
    // SAFETY: the range is mapped for as long as the view's owner lives.
    unsafe MemoryView(
      baseAddress: mapping.baseAddress, byteCount: byteCount, keeping: mapping)
  }
}
