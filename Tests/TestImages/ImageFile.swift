// ImageFile: a file for an image, which goes away at the end of its life.

import Glibc

/// A path in the folder for temporary files.
public final class ImageFile: Sendable {
  /// Where the image goes.
  public let path: String

  /// A name that nothing else has.
  public init() {
    path = "/tmp/kvmpt-image-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
  }

  deinit {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    unsafe unlink(path)
  }

  /// What stands in the file, at most 64 MiB of it.
  public func bytes() -> [UInt8]? {
    // SAFETY: as above.
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64 << 20)
    // SAFETY: the kernel writes at most as many bytes as the array has.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe read(descriptor, $0.baseAddress, $0.count)
    }
    return count < 0 ? nil : Array(bytes.prefix(count))
  }
}
