// NamedFile: a temporary file whose name ends as a test needs it.

import Glibc
import Testing

/// A file that is removed at the end of its life.
final class NamedFile {
  let path: String

  init(_ content: String, suffix: String) throws {
    path = "/tmp/kvmpt-named-\(getpid())-\(UInt64.random(in: 0...UInt64.max))\(suffix)"
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = Array(content.utf8)
    // SAFETY: the kernel reads as many bytes as the array has.
    let written = unsafe bytes.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    try #require(written == bytes.count)
  }

  deinit {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    unsafe unlink(path)
  }
}
