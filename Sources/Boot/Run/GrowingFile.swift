// GrowingFile: a memory file that another process writes, read once and given back.

import CLinux

/// The owner of a memory file that a child process appends to.
///
/// What was read is given back to the host, so that a child that writes for hours costs little.
final class GrowingFile {
  let descriptor: CInt
  private var position: UInt64 = 0

  /// So much is read at once.
  private static let partByteCount = 1 << 18

  /// A new file, or nil where the host refuses one.
  init?() {
    // SAFETY: the name is a literal, which is zero-terminated and outlives the call.
    let result = unsafe clinux_memory_file("kvmpt-boot-output")
    guard result >= 0 else { return nil }
    descriptor = CInt(truncatingIfNeeded: result)
  }

  deinit { _ = clinux_close(descriptor) }

  /// The path by which a child process that inherits the descriptor opens the file.
  var childPath: String { "/proc/self/fd/\(descriptor)" }

  /// What was written since the last call, up to a limit; empty when there is nothing.
  func next() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.partByteCount)
    // SAFETY: the buffer has room for as many bytes as are asked for.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe clinux_read_at(descriptor, $0.baseAddress, UInt64($0.count), position)
    }
    guard count > 0 else { return [] }
    position += UInt64(count)
    _ = clinux_punch_hole(descriptor, 0, position & ~0xfff)
    return [UInt8](bytes[..<Int(count)])
  }
}
