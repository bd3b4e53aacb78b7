// UnfinishedFile: a file that gets its name when it is complete.

import Glibc

/// A file without a name, in the folder where it is to appear; it goes away with its owner unless it
/// is published.
///
/// Where the file system has no nameless files (open(2), O_TMPFILE) it has a name of its own until
/// then.
final class UnfinishedFile {
  private let path: String
  private let descriptor: Int32
  /// The name that has to be removed or changed, or nil without one.
  private var temporaryPath: String?
  /// The bytes of the writes that went well; of the one that failed a part may follow.
  private var byteCount = 0

  /// `__O_TMPFILE | O_DIRECTORY`, an expression that Swift does not import.
  ///
  /// Source: asm-generic/fcntl.h of Linux.
  private static let nameless: Int32 = 0o20200000

  /// Makes a file that is to stand at `path`, with the permissions `mode` if it has some already.
  ///
  /// - Throws: the `errno` that says why that cannot be, as far as it can be told before.
  init(path: String, mode: mode_t?) throws(ErrorNumber) {
    self.path = path
    if mode != nil { try Self.requireWritable(path) }
    let folder = OutputTarget.folder(of: path)
    // SAFETY: Swift passes strings that live for the calls and end with a 0.
    var opened = unsafe open(
      folder.isEmpty ? "." : folder, Self.nameless | O_RDWR | O_CLOEXEC, 0o666)
    // The way from the descriptor to the name leads through /proc.
    if opened >= 0, unsafe access(Self.link(to: opened), F_OK) != 0 {
      close(opened)
      opened = -1
      errno = EOPNOTSUPP
    }
    if opened < 0 {
      guard [EOPNOTSUPP, EISDIR, ENOENT, EINVAL].contains(errno) else {
        throw ErrorNumber(code: errno)
      }
      (opened, temporaryPath) = try Self.openNamed(in: folder)
    }
    descriptor = opened
    if let mode { fchmod(descriptor, mode) }
    // A full disk, and a file that may not grow, show with the first byte.
    try writeAll([0], to: descriptor)
    ftruncate(descriptor, 0)
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit {
    close(descriptor)
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    if let temporaryPath { unsafe unlink(temporaryPath) }
  }

  /// Writes all of `bytes`.
  func write(_ bytes: [UInt8]) throws(ErrorNumber) {
    try writeAll(bytes[...], to: descriptor)
    byteCount += bytes.count
  }

  /// Puts the file under its name, in place of what stands there.
  func publish() throws(ErrorNumber) {
    // Some file systems, such as NFS, say only here that they could not keep what was written.
    let copy = dup(descriptor)
    if copy >= 0, close(copy) != 0 { throw ErrorNumber(code: errno) }
    if temporaryPath == nil {
      let link = Self.link(to: descriptor)
      // SAFETY: Swift passes strings that live for the call and end with a 0.
      if unsafe linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 { return }
      guard errno == EEXIST else { throw ErrorNumber(code: errno) }
      temporaryPath = try Self.linked(link, in: OutputTarget.folder(of: path))
    }
    if let temporaryPath {
      // SAFETY: Swift passes strings that live for the call and end with a 0.
      guard unsafe rename(temporaryPath, path) == 0 else { throw ErrorNumber(code: errno) }
    }
    temporaryPath = nil
  }

  /// Writes what the file was given, without a write that failed, to another descriptor.
  func copy(to other: Int32) throws(ErrorNumber) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var offset = 0
    while offset < byteCount {
      let wanted = min(buffer.count, byteCount - offset)
      // SAFETY: the kernel writes at most `wanted` bytes, which the buffer has.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe pread(descriptor, $0.baseAddress, wanted, off_t(offset))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw ErrorNumber(code: count < 0 ? errno : EIO) }
      try writeAll(buffer[..<count], to: other)
      offset += count
    }
  }

  /// A file that is there and may not be written to is not replaced, though its folder allows it.
  private static func requireWritable(_ path: String) throws(ErrorNumber) {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let opened = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
    guard opened >= 0 else { throw ErrorNumber(code: errno) }
    close(opened)
  }

  private static func link(to descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

  /// Names of this process that are free; a name that is taken is somebody's.
  private static func names(in folder: String) -> some Sequence<String> {
    (0..<1000).lazy.map { "\(folder).kvmpt-\(getpid())-\($0)" }
  }

  private static func openNamed(in folder: String) throws(ErrorNumber) -> (Int32, String) {
    for name in names(in: folder) {
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      let opened = unsafe open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if opened >= 0 { return (opened, name) }
      guard errno == EEXIST else { throw ErrorNumber(code: errno) }
    }
    throw ErrorNumber(code: EEXIST)
  }

  private static func linked(_ link: String, in folder: String) throws(ErrorNumber) -> String {
    for name in names(in: folder) {
      // SAFETY: Swift passes strings that live for the call and end with a 0.
      if unsafe linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 { return name }
      guard errno == EEXIST else { throw ErrorNumber(code: errno) }
    }
    throw ErrorNumber(code: EEXIST)
  }
}

/// Writes all of `bytes` to a descriptor.
func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) throws(ErrorNumber) {
  var rest = bytes
  while !rest.isEmpty {
    // SAFETY: the kernel reads at most the bytes of the slice.
    let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno != EINTR {
      throw ErrorNumber(code: errno)
    }
  }
}
