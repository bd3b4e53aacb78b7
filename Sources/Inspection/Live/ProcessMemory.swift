// ProcessMemory: the memory of another process of this host.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The memory of a process, which the host lets this one read.
///
/// Source: proc_pid_mem(5); access is that of ptrace(2), PTRACE_MODE_ATTACH_FSCREDS.
final class ProcessMemory: Sendable {
  private let descriptor: CInt

  /// Nil where the process is gone, or may not be read.
  init?(process: Int32) {
    // SAFETY: the string outlives the call.
    let opened = unsafe open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { return nil }
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes from `address` on; false where not all of them can be read.
  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard let start = off_t(exactly: address) else { return false }
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      // SAFETY: the rest of the buffer has so many bytes.
      let count = unsafe pread(
        descriptor, base + done, buffer.count - done, start + off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}
