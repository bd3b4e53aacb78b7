// SystemErrorName: errno in words.

import CLinux

/// The name and meaning of an errno value.
public struct SystemErrorName: Hashable, Sendable, CustomStringConvertible {
  /// The errno value, positive.
  public let number: Int32

  /// Takes any number.
  public init(_ number: Int32) { self.number = number }

  /// The symbol, such as `EINVAL`, or `errno 200` for one that is not in the list.
  public var name: String { Self.known[number]?.name ?? "errno \(number)" }

  /// The symbol and what it means: `EINVAL (invalid argument)`.
  public var description: String {
    guard let entry = Self.known[number] else { return name }
    return "\(entry.name) (\(entry.meaning))"
  }

  private static let known: [Int32: (name: String, meaning: String)] = [
    EPERM: ("EPERM", "not permitted"), ENOENT: ("ENOENT", "no such file"),
    EINTR: ("EINTR", "interrupted"), EIO: ("EIO", "input/output error"),
    ENXIO: ("ENXIO", "no such device or address"), E2BIG: ("E2BIG", "too many entries"),
    EBADF: ("EBADF", "bad file descriptor"), EAGAIN: ("EAGAIN", "try again"),
    ENOMEM: ("ENOMEM", "out of memory"), EACCES: ("EACCES", "permission denied"),
    EFAULT: ("EFAULT", "bad address"), EBUSY: ("EBUSY", "busy"),
    EEXIST: ("EEXIST", "exists already"), ENODEV: ("ENODEV", "no such device"),
    ENOTDIR: ("ENOTDIR", "not a directory"), EISDIR: ("EISDIR", "is a directory"),
    EINVAL: ("EINVAL", "invalid argument"), ENFILE: ("ENFILE", "too many open files in the system"),
    EMFILE: ("EMFILE", "too many open files"), ENOTTY: ("ENOTTY", "not a device for this ioctl"),
    EFBIG: ("EFBIG", "file too large"), ENOSPC: ("ENOSPC", "no space left on device"),
    EROFS: ("EROFS", "read-only file system"), ENOSYS: ("ENOSYS", "not implemented"),
    EOVERFLOW: ("EOVERFLOW", "value too large"), EOPNOTSUPP: ("EOPNOTSUPP", "not supported"),
  ]
}
