// FileStatus: what kind of file a path or a descriptor is, and which.

import Glibc

/// What the kernel says of a file.
struct FileStatus {
  /// The kinds of files.
  enum Kind {
    case regular, folder, pipe, characterDevice, blockDevice, socket, other

    /// The kind in words, for a message: `it is …`.
    var words: String {
      switch self {
      case .regular: "a file"
      case .folder: "a folder"
      case .pipe: "a pipe"
      case .characterDevice, .blockDevice: "a device"
      case .socket: "a socket"
      case .other: "no file"
      }
    }
  }

  /// Which file it is, whatever name it goes by.
  struct ID: Hashable {
    let device: UInt64
    let number: UInt64
  }

  let kind: Kind
  let id: ID
  let mode: mode_t
  let byteCount: Int

  /// The file at `path`, behind all symbolic links; nil, with `errno`, where there is none.
  init?(following path: String) {
    var status = stat()
    // SAFETY: Swift passes a string that lives for the call, and `status` is a variable of it.
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The file behind a descriptor; nil, with `errno`, where it is closed.
  init?(of descriptor: Int32) {
    var status = stat()
    // SAFETY: `status` is a variable of this call.
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .folder
    case S_IFIFO: kind = .pipe
    case S_IFCHR: kind = .characterDevice
    case S_IFBLK: kind = .blockDevice
    case S_IFSOCK: kind = .socket
    default: kind = .other
    }
    id = ID(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    mode = status.st_mode
    byteCount = Int(status.st_size)
  }
}
