// Files that get their name when they are complete, and links that lead to them.

import Glibc
import Testing

@testable import kvmpt

@Suite("A report's file is whole wherever it ends up, and its link leads to it")
struct UnfinishedFileTests {
  @Test(
    "What the file was given is copied whole, whatever its size is to that of a read",
    arguments: [0, 1, 2, 65_534, 65_535, 65_536, 65_537, 65_538, 131_071, 131_072, 131_073])
  func copies(_ byteCount: Int) throws {
    let folder = try FullDiskTests.Folder()
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let copy = try TemporaryFile()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(copy.path, O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let file = try UnfinishedFile(path: "\(folder.path)/file", mode: nil)
    try file.write(Array(bytes.prefix(byteCount / 3)))
    try file.write(Array(bytes.dropFirst(byteCount / 3)))
    #expect(folder.names == [])
    try file.copy(to: descriptor)
    #expect(try InputFile.bytes(of: copy.path, byteLimit: 1 << 20) == bytes)
    // The copy leaves the file as it is.
    try file.publish()
    #expect(folder.names == ["file"])
    #expect(try InputFile.bytes(of: "\(folder.path)/file", byteLimit: 1 << 20) == bytes)
  }

  /// Links that lead from the last name to `name`, one behind the other.
  private static func links(to name: String, count: Int, in folder: FullDiskTests.Folder) -> String
  {
    var last = name
    for number in 0..<count {
      // By turns a path from the root and one beside the link.
      let target = number % 2 == 0 ? last : "\(folder.path)/\(last)"
      // SAFETY: Swift passes strings that live for the call and end with a 0.
      unsafe symlink(target, "\(folder.path)/link\(number)")
      last = "link\(number)"
    }
    return "\(folder.path)/\(last)"
  }

  @Test(
    "A chain of links is followed to the file, there or not, and stays",
    arguments: [1, 2, 7, 8, 9, 20, 39, 40], [true, false])
  func chains(_ count: Int, _ exists: Bool) throws {
    let folder = try FullDiskTests.Folder()
    if exists {
      let before = try ReportDestination(path: "\(folder.path)/report")
      before.write("before\n")
      try before.close()
    }
    let path = Self.links(to: "report", count: count, in: folder)
    let destination = try ReportDestination(path: path)
    destination.write("after\n")
    try destination.close()
    #expect(folder.names.count == count + 1)
    #expect(FileStatus(following: "\(folder.path)/report") != nil)
    let bytes = try InputFile.bytes(of: "\(folder.path)/report", byteLimit: 100)
    #expect(String(decoding: bytes, as: UTF8.self) == "after\n")
    // SAFETY: the kernel writes at most as many bytes as it is told.
    var buffer = [CChar](repeating: 0, count: 1)
    #expect(unsafe readlink(path, &buffer, 1) == 1)
  }

  @Test("More links than the kernel follows, and links in a circle, are refused with their name")
  func tooManyLinks() throws {
    let folder = try FullDiskTests.Folder()
    let long = Self.links(to: "report", count: 41, in: folder)
    // SAFETY: Swift passes strings that live for the calls and end with a 0.
    unsafe symlink("circle", "\(folder.path)/circle")
    let names = Set(folder.names)
    for path in [long, "\(folder.path)/circle"] {
      let run = try ProgramRun(["schema", "--output", path])
      #expect(run.exitCode == 74 && run.output.isEmpty)
      #expect(
        run.errors
          == "error: cannot write '\(path)': Too many levels of symbolic links\n"
          + "  hint: give --output a file in a folder that can be written to\n")
    }
    #expect(Set(folder.names) == names)
  }

  @Test("Every reason says where the report is now, and what to do")
  func reasons() {
    let hints: [(Int32, String)] = [
      (ENOENT, "make the folder first, or name another one"),
      (ENOTDIR, "make the folder first, or name another one"), (EISDIR, "name a file in it"),
      (ENOTSUP, "a report is not written over a disk: name a file"),
      (EACCES, "name a file in a folder that can be written to"),
      (EPERM, "name a file in a folder that can be written to"),
      (EROFS, "name a file in a folder that can be written to"),
      (ENOSPC, "make room, or name a file on another disk"),
      (EDQUOT, "make room, or name a file on another disk"),
      (EFBIG, "raise the limit of the size of files (ulimit -f)"),
      (ENAMETOOLONG, "give it a shorter name"),
      (EBADF, "give --output a file in a folder that can be written to"),
    ]
    for (code, hint) in hints {
      var error = ReportDestinationError(path: "x", code: code)
      let words = systemMessage(code)
      #expect(error.reason == words)
      #expect(error.hint == hint && !error.isInterruption)
      let failure = CommandFailure(error)
      #expect(failure.text == "error: cannot write 'x': \(words)\n  hint: \(hint)")
      #expect(failure.status.rawValue == 74)
      error.wentToStandardOutput = true
      #expect(error.reason == "\(words); it went to standard output instead")
      error.wentToStandardOutput = false
      error.standardOutputCode = EPIPE
      #expect(
        error.reason == "\(words); standard output does not take it either: Broken pipe")
    }
    let stopped = ReportDestinationError(path: "x", code: EINTR)
    #expect(stopped.isInterruption && CommandFailure(stopped).status.rawValue == 130)
  }
}
