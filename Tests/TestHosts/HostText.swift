// HostText: what the kernel says in a file, read without the code under test.

import Glibc

/// What this process and this host look like from outside.
public enum HostText {
  /// The text of a file, or nil where it cannot be read.
  public static func of(_ path: String) -> String? {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while true {
      // SAFETY: the kernel writes at most as many bytes as the array has.
      let count = unsafe part.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else { return count < 0 ? nil : String(decoding: bytes, as: UTF8.self) }
      bytes += part.prefix(count)
    }
  }

  /// The first line of a file, or nil where it cannot be read or has none.
  public static func firstLine(of path: String) -> String? {
    of(path)?.split(separator: "\n").first.map(String.init)
  }

  /// True when there is something at the path.
  public static func exists(_ path: String) -> Bool {
    // SAFETY: as above.
    unsafe access(path, F_OK) == 0
  }

  /// The release of the running kernel, as the kernel answers it.
  public static var kernelRelease: String {
    var name = utsname()
    // SAFETY: the kernel fills the structure.
    guard unsafe uname(&name) == 0 else { return "" }
    let bytes = unsafe withUnsafeBytes(of: name.release) { unsafe Array($0) }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// What this process's open files with one of the `words` lead to; others come and go by
  /// themselves.
  public static func openFiles(with words: String...) -> [String] {
    (0..<256).compactMap { number in
      var characters = [CChar](repeating: 0, count: 256)
      // SAFETY: the kernel writes at most 256 characters, and the path lives for the call.
      let count = unsafe readlink("/proc/self/fd/\(number)", &characters, 256)
      let target = String(
        decoding: characters.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return words.contains { target.contains($0) } ? target : nil
    }.sorted()
  }

  /// The lines of this process's mappings that have `word`.
  public static func mappings(with word: String) -> [Substring] {
    (of("/proc/self/maps") ?? "").split(separator: "\n").filter { $0.contains(word) }
  }
}

/// A file for one test, which goes away at the end of its life.
public final class TestFile {
  /// Where it is.
  public let path: String

  /// Writes the file; the path leads nowhere where that is not possible.
  public init(_ text: String) {
    path = "/tmp/kvmpt-kvm-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    // SAFETY: the strings live for the calls, and the stream is used only when it is there.
    if let stream = unsafe fopen(path, "w") {
      unsafe fputs(text, stream)
      unsafe fclose(stream)
    }
  }

  deinit {
    // SAFETY: as above.
    unsafe unlink(path)
  }
}
