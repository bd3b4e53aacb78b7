// ReportDestination: where a report goes, standard output or a file.

import Glibc

/// Why a report could not be written.
struct ReportDestinationError: Error {
  let path: String
  /// The `errno` of the failed call.
  let code: Int32

  /// The system's own words for the reason.
  var reason: String { systemMessage(code) }
}

/// A buffered output; a reader that closes a pipe early ends the output quietly.
final class ReportDestination: TextOutputStream {
  private let path: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var failure: Int32?

  /// Standard output for nil and `-`; a file is created, or emptied, at once.
  init(path: String?) throws(ReportDestinationError) {
    guard let path, path != "-" else {
      self.path = "standard output"
      descriptor = STDOUT_FILENO
      return
    }
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let opened = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard opened >= 0 else { throw ReportDestinationError(path: path, code: errno) }
    self.path = path
    descriptor = opened
  }

  deinit {
    if descriptor != STDOUT_FILENO { Glibc.close(descriptor) }
  }

  /// True when a person is likely to read along.
  var isTerminal: Bool { isatty(descriptor) == 1 }

  func write(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { flush() }
  }

  /// Writes bytes that are text already.
  func write(bytes: [UInt8]) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= 1 << 16 { flush() }
  }

  /// Writes everything; throws when any of it was lost, except to a reader that went away.
  func finish() throws(ReportDestinationError) {
    flush()
    if let failure, failure != EPIPE { throw ReportDestinationError(path: path, code: failure) }
  }

  private func flush() {
    var written = 0
    while written < buffer.count && failure == nil {
      // SAFETY: the kernel reads at most the bytes that remain in the buffer.
      let count = unsafe buffer.withUnsafeBytes {
        unsafe Glibc.write(
          descriptor, $0.baseAddress.map { unsafe $0 + written }, $0.count - written)
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        failure = errno
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }
}
