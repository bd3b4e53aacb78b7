// InputFile: the bytes of a file named on the command line.

import Glibc

/// Why a file could not be read.
struct InputFileError: Error {
  let path: String
  /// The `errno` of the failed call.
  let code: Int32

  /// The system's own words for the reason.
  var reason: String { systemMessage(code) }

  var hint: String {
    switch code {
    case ENOENT: "check the path; '-' reads standard input"
    case EISDIR: "name a file in it"
    case EACCES: "check the permissions of the file and of its folders"
    default: "check the file"
    }
  }
}

enum InputFile {
  /// True for what has a beginning and an end, unlike a pipe or a device.
  static func isRegularFile(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: Swift passes a string that lives for the call, and `status` is a variable of it.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The bytes of the file at `path`, or of standard input for `-`.
  ///
  /// Stops one byte after `byteLimit`, so that an endless file ends and a too long one is noticed.
  static func bytes(of path: String, byteLimit: Int) throws(InputFileError) -> [UInt8] {
    if path == "-" { return try bytes(from: STDIN_FILENO, path: path, byteLimit: byteLimit) }
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw InputFileError(path: path, code: errno) }
    defer { close(descriptor) }
    return try bytes(from: descriptor, path: path, byteLimit: byteLimit)
  }

  private static func bytes(
    from descriptor: Int32, path: String, byteLimit: Int
  ) throws(InputFileError) -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while content.count <= byteLimit {
      let wanted = min(buffer.count, byteLimit + 1 - content.count)
      // SAFETY: the kernel writes at most `wanted` bytes, which the buffer has.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, wanted)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw InputFileError(path: path, code: errno)
      }
      if count == 0 { break }
      content += buffer[..<count]
    }
    return content
  }
}

/// The system's text for an `errno`, such as "No such file or directory".
func systemMessage(_ code: Int32) -> String {
  // SAFETY: strerror returns a string that stays valid until its next call; it is copied at once.
  guard let text = unsafe strerror(code) else { return "error \(code)" }
  return unsafe String(cString: text)
}
