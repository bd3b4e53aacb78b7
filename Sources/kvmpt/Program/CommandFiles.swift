// CommandFiles: which files a command line names, and whether they can be what they are named for.

import Glibc

/// The files of a command line by what is done with them.
struct CommandFiles {
  /// What is read; `-` is standard input.
  var read: [String]
  /// What is written, by option; `-` is standard output.
  var written: [(option: String, path: String)]
  /// What is written and read again, which has to be a file if it is there.
  var kept: [String]

  /// Takes what is named; nil where an option was not given.
  init(
    read: [String?] = [], written: [(option: String, path: String?)] = [], kept: [String?] = []
  ) {
    self.kept = kept.compactMap { $0 }
    self.read = read.compactMap { $0 }
    self.written = written.compactMap { option, path in path.map { (option, $0) } }
  }

  /// Refuses, before any work, outputs that cannot be written, and files that are named twice where
  /// one use destroys the other.
  func check() throws(CommandFailure) {
    for path in kept {
      do throws(InputFileError) {
        try InputFile.requireRegularFile(path)
      } catch {
        throw CommandFailure(error)
      }
    }
    for (option, path) in written { try requireDistinct(option, path) }
    try requireDistinct("standard output", "-")
    for (index, output) in written.enumerated() where output.path != "-" {
      for other in written[..<index] where Self.isSame(output.path, other.path) {
        throw CommandFailure(
          .usage, "\(other.option) and \(output.option) name the same file \(quoted(output.path))",
          hint: "give each a file of its own")
      }
      do throws(ReportDestinationError) {
        try ReportDestination.check(path: output.path)
      } catch {
        throw CommandFailure(error)
      }
    }
  }

  private func requireDistinct(_ option: String, _ path: String) throws(CommandFailure) {
    guard let output = Self.status(path, standard: STDOUT_FILENO), output.kind == .regular else {
      return
    }
    for input in read where Self.status(input, standard: STDIN_FILENO)?.id == output.id {
      throw CommandFailure(
        .usage,
        "\(option) \(path == "-" ? "is" : "names") the file \(quoted(input)) that is read",
        hint: "the report would destroy it: name another file")
    }
  }

  private static func status(_ path: String, standard: Int32) -> FileStatus? {
    path == "-" ? FileStatus(of: standard) : FileStatus(following: path)
  }

  /// True for two names of one file, there or not; a device may be named as often as one likes.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    if let one = FileStatus(following: first), let other = FileStatus(following: second) {
      return one.id == other.id && one.kind == .regular
    }
    guard case .file(let one, nil)? = try? OutputTarget(first),
      case .file(let other, nil)? = try? OutputTarget(second)
    else { return false }
    let folders = [one, other].map { path in
      let folder = OutputTarget.folder(of: path)
      return FileStatus(following: folder.isEmpty ? "." : folder)?.id
    }
    return folders[0] != nil && folders[0] == folders[1]
      && one.split(separator: "/").last == other.split(separator: "/").last
  }
}
