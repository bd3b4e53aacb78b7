// InputFile: the bytes of a file named on the command line.

import Glibc
import Probe

/// Why a file could not be read.
struct InputFileError: Error {
  /// What is wrong with a file beyond what the system says.
  enum Problem {
    /// The `errno` of the failed call.
    case system(Int32)
    /// It is of this kind, and has to be a file with a beginning and an end.
    case notAFile(FileStatus.Kind)
    /// It became shorter while it was read.
    case shortened
    /// It is a pipe that nobody writes to.
    case noWriter
    /// It has more bytes than are read of such a file.
    case tooLarge(byteLimit: Int)
  }

  let path: String
  let problem: Problem

  init(path: String, _ problem: Problem) {
    self.path = path
    self.problem = problem
  }

  init(path: String, code: Int32) { self.init(path: path, .system(code)) }

  /// The host refuses it, whatever file it is.
  var isOfHost: Bool {
    switch problem {
    case .system(EMFILE), .system(ENFILE), .system(ENOMEM): true
    default: false
    }
  }

  /// Somebody asked the program to stop while it waited.
  var isInterruption: Bool {
    if case .system(EINTR) = problem { true } else { false }
  }

  /// The reason, in the system's own words where it has some.
  var reason: String {
    switch problem {
    case .system(EINTR): "interrupted"
    case .system(let code): systemMessage(code)
    case .notAFile(let kind): "it is \(kind.words), and has to be a file"
    case .shortened: "it became shorter while it was read"
    case .noWriter: "it is a pipe that nobody writes to"
    case .tooLarge(let limit): "it is larger than \(ByteCount(UInt64(limit)))"
    }
  }

  var hint: String {
    switch problem {
    case .system(ENOENT) where path.unicodeScalars.contains("\u{fffd}"):
      "a path that is not UTF-8 cannot be given: rename the file"
    case .system(ENOENT): "check the path; '-' reads standard input"
    case .system(EISDIR), .notAFile(.folder): "name a file in it"
    case .system(EACCES): "check the permissions of the file and of its folders"
    case .system(EINTR): "run it again"
    case .system(EMFILE): "raise the limit of open files of this process (ulimit -n)"
    case .system(ENOMEM): "raise the limits of this process (ulimit -v)"
    case .system: "check the file"
    case .notAFile: "copy what it gives to a file, and name that"
    case .shortened: "wait until it is complete, or read a copy"
    case .noWriter: "start what writes to it first"
    case .tooLarge: "check that it is the file you mean"
    }
  }
}

enum InputFile {
  /// How long a pipe may be without anybody who writes to it.
  private static let writerPatience: Duration = .seconds(2)

  /// True for what has a beginning and an end, unlike a pipe or a device.
  static func isRegularFile(_ path: String) -> Bool {
    FileStatus(following: path)?.kind == .regular
  }

  /// Throws what `path` is, if that is neither a file nor nothing at all.
  static func requireRegularFile(_ path: String) throws(InputFileError) {
    if let kind = FileStatus(following: path)?.kind, kind != .regular {
      throw InputFileError(path: path, .notAFile(kind))
    }
  }

  /// All bytes of the file at `path`, or of standard input for `-`, which are at most `byteLimit`.
  static func allBytes(of path: String, byteLimit: Int) throws(InputFileError) -> [UInt8] {
    let bytes = try bytes(of: path, byteLimit: byteLimit)
    // The rest would be left out without a word.
    guard bytes.count <= byteLimit else {
      throw InputFileError(path: path, .tooLarge(byteLimit: byteLimit))
    }
    return bytes
  }

  /// The bytes of the file at `path`, or of standard input for `-`.
  ///
  /// Stops one byte after `byteLimit`, so that an endless file ends and a too long one is noticed.
  /// Waiting for a pipe ends when somebody asks the program to stop.
  static func bytes(of path: String, byteLimit: Int) throws(InputFileError) -> [UInt8] {
    if path == "-" { return try bytes(from: STDIN_FILENO, path: path, byteLimit: byteLimit) }
    // Without O_NONBLOCK, opening a pipe waits for a writer and hears of no signal.
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw InputFileError(path: path, code: errno) }
    defer { close(descriptor) }
    return try bytes(from: descriptor, path: path, byteLimit: byteLimit)
  }

  private static func bytes(
    from descriptor: Int32, path: String, byteLimit: Int
  ) throws(InputFileError) -> [UInt8] {
    let status = FileStatus(of: descriptor)
    var content: [UInt8] = []
    // An array that grows is twice as large as it has to be, and copied on the way.
    if let status, status.kind == .regular {
      content.reserveCapacity(min(status.byteCount, byteLimit) + 1)
    }
    var buffer = [UInt8](repeating: 0, count: 65536)
    // A pipe has had a writer when it has nothing yet, instead of an end.
    var hasHadWriter = status?.kind != .pipe || path == "-"
    let start = ContinuousClock.now
    while content.count <= byteLimit {
      let wanted = min(buffer.count, byteLimit + 1 - content.count)
      // Standard input is as somebody else opened it: a read may wait.
      if status?.kind != .regular && path == "-" { try wait(for: descriptor, path) }
      // SAFETY: the kernel writes at most `wanted` bytes, which the buffer has.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, wanted)
      }
      if count < 0 {
        if errno == EINTR { continue }
        guard errno == EAGAIN else { throw InputFileError(path: path, code: errno) }
        hasHadWriter = true
        try wait(for: descriptor, path)
      } else if count > 0 {
        hasHadWriter = true
        content += buffer[..<count]
      } else if hasHadWriter || ContinuousClock.now - start > writerPatience {
        guard hasHadWriter else { throw InputFileError(path: path, .noWriter) }
        break
      } else {
        // With writers that came and went it is at once over.
        hasHadWriter = try hasEnded(descriptor, path)
      }
    }
    // The part that is gone would be missing without a word.
    if let status, status.kind == .regular, content.count < min(status.byteCount, byteLimit),
      let now = FileStatus(of: descriptor), now.byteCount < status.byteCount
    {
      throw InputFileError(path: path, .shortened)
    }
    return content
  }

  /// Waits a moment, and says whether the pipe has something or came to its end.
  private static func hasEnded(
    _ descriptor: Int32, _ path: String
  ) throws(InputFileError) -> Bool {
    do throws(ErrorNumber) {
      try Interruption.waitForInput(of: descriptor, atMost: .zero)
      return true
    } catch {
      if error.code == ETIMEDOUT { return false }
      throw InputFileError(path: path, code: error.code)
    }
  }

  private static func wait(for descriptor: Int32, _ path: String) throws(InputFileError) {
    do throws(ErrorNumber) {
      try Interruption.waitForInput(of: descriptor)
    } catch {
      throw InputFileError(path: path, code: error.code)
    }
  }
}

/// The system's text for an `errno`, such as "No such file or directory".
func systemMessage(_ code: Int32) -> String {
  // SAFETY: strerror returns a string that stays valid until its next call; it is copied at once.
  guard let text = unsafe strerror(code) else { return "error \(code)" }
  return unsafe String(cString: text)
}
