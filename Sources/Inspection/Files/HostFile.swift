// HostFile: a file of the host that bytes are read from, by POSIX alone.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The owner of a descriptor of a regular file that is open for reading.
final class HostFile: ByteSource {
  private let descriptor: CInt
  /// The size in bytes when the file was opened, not 0.
  let byteCount: UInt64

  /// Opens the file at `path`.
  ///
  /// What may be no file at all is opened as well before it is refused: a pipe does not wait for a writer,
  /// and a terminal takes nobody.
  ///
  /// - Throws: ``MemoryImageError`` when the path is no file, cannot be opened, or has no bytes.
  init(path: String) throws(MemoryImageError) {
    // SAFETY: the string outlives the call.
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard opened >= 0 else { throw .unreadable(errorNumber: errno) }
    let size: UInt64
    do throws(MemoryImageError) {
      size = try Self.byteCount(of: opened)
    } catch {
      close(opened)
      throw error
    }
    descriptor = opened
    byteCount = size
  }

  deinit { close(descriptor) }

  private static func byteCount(of descriptor: CInt) throws(MemoryImageError) -> UInt64 {
    var status = stat()
    // SAFETY: `status` is a variable of this call.
    guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(errorNumber: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .unreadable(errorNumber: EISDIR)
    default: throw .notAFile
    }
    guard status.st_size > 0 else { throw .empty }
    return UInt64(status.st_size)
  }

  /// Fills `buffer` with the bytes from `start` on; says why not all of them are there.
  func read(
    at start: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> MemoryImageError? {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      // SAFETY: the rest of the buffer has so many bytes.
      let result = unsafe pread(
        descriptor, base + done, buffer.count - done, off_t(start) + off_t(done))
      if result < 0 {
        if errno == EINTR { continue }
        return .unreadable(errorNumber: errno)
      }
      if result == 0 {
        return .shortened(byteCount: start + UInt64(done), openedByteCount: byteCount)
      }
      done += result
    }
    return nil
  }
}
