// OutputTarget: what stands at the path of an output, and what writing to it means.

import Glibc

/// Where the bytes of an output go.
enum OutputTarget {
  /// A descriptor that this process was started with: standard output, standard error.
  case inherited(Int32)
  /// A pipe or a device, which is written to as it comes.
  case stream(path: String)
  /// A file, new or there already, that appears under its name when it is complete; `mode` is that
  /// of the file that is there.
  case file(path: String, mode: mode_t?)

  /// So many symbolic links in a row are followed, as the kernel does.
  ///
  /// Source: path_resolution(7).
  private static let linkLimit = 40

  /// Finds out what `path` is; `-` and nil are standard output.
  ///
  /// A symbolic link is followed, so that the file it leads to is replaced and not the link.
  init(_ path: String?) throws(ReportDestinationError) {
    guard let path, path != "-" else {
      self = .inherited(STDOUT_FILENO)
      return
    }
    guard let status = FileStatus(following: path) else {
      let code = errno
      guard code == ENOENT else { throw ReportDestinationError(path: path, code: code) }
      self = .file(path: try Self.followed(path), mode: nil)
      return
    }
    // `/dev/stdout` names a file that somebody else opened and goes on with.
    for number in [STDOUT_FILENO, STDERR_FILENO] where FileStatus(of: number)?.id == status.id {
      self = .inherited(number)
      return
    }
    switch status.kind {
    case .regular: self = .file(path: try Self.followed(path), mode: status.mode & 0o777)
    case .folder: throw ReportDestinationError(path: path, code: EISDIR)
    case .blockDevice: throw ReportDestinationError(path: path, code: ENOTSUP)
    case .pipe, .characterDevice, .socket, .other: self = .stream(path: path)
    }
  }

  /// The path behind all symbolic links in the last place, of which the last may lead nowhere.
  private static func followed(_ path: String) throws(ReportDestinationError) -> String {
    var current = path
    // One more look than links, to see that the last one leads to none.
    for _ in 0...linkLimit {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      // SAFETY: the kernel writes at most as many bytes as the buffer has.
      let count = unsafe readlink(current, &buffer, buffer.count)
      guard count >= 0 else { return current }
      let link = String(
        decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
      current = link.hasPrefix("/") ? link : folder(of: current) + link
    }
    throw ReportDestinationError(path: path, code: ELOOP)
  }

  /// The folder of a path with a `/` at its end, or nothing for the current one.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash])
  }
}
