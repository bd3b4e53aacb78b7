// SystemFile: the small text files of /sys and /proc.

internal import CLinux

/// Reading what the kernel says about itself.
enum SystemFile {
  /// True when the path can be opened for reading.
  static func exists(_ path: String) -> Bool {
    // SAFETY: the string outlives the call.
    let result = unsafe path.withCString { unsafe clinux_open_read_only($0) }
    if result >= 0 { _ = clinux_close(CInt(result)) }
    return result >= 0
  }

  /// The first line, or nil where the file cannot be read.
  static func firstLine(_ path: String) -> String? {
    text(path)?.split(separator: "\n", maxSplits: 1).first.map(String.init)
  }

  /// The text behind `key` and a colon in a file of such lines.
  static func value(ofKey key: String, in path: String) -> String? {
    for line in (text(path) ?? "").split(separator: "\n") where line.hasPrefix(key) {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      return String(parts[1].drop { $0 == " " })
    }
    return nil
  }

  private static func text(_ path: String) -> String? {
    // SAFETY: the string outlives the call.
    let result = unsafe path.withCString { unsafe clinux_open_read_only($0) }
    guard result >= 0 else { return nil }
    let descriptor = FileDescriptor(owning: CInt(result))
    var bytes = [UInt8](repeating: 0, count: 8192)
    // SAFETY: the buffer has room for as many bytes as are asked for.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe clinux_read(descriptor.number, $0.baseAddress, UInt64($0.count))
    }
    guard count >= 0 else { return nil }
    return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
  }
}
