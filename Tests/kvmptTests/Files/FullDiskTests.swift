// Disks that are full, files that may not grow, folders that are not there.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("A report that its file does not take goes to standard output")
struct FullDiskTests {
  /// A folder that is removed at the end of its life, with what is in it.
  final class Folder {
    let path: String

    init() throws {
      var template = Array("/tmp/kvmpt-test-XXXXXX\0".utf8CString)
      // SAFETY: the template ends with a 0 and is changed in place.
      try #require(unsafe mkdtemp(&template) != nil)
      path = String(
        decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
      // SAFETY: Swift passes strings that live for the calls and end with a 0.
      for name in names { unsafe unlink("\(path)/\(name)") }
      unsafe rmdir(path)
    }

    /// What is in the folder.
    var names: [String] {
      // SAFETY: Swift passes a string that lives for the call; the entries are copied at once.
      guard let folder = unsafe opendir(path) else { return [] }
      defer { unsafe closedir(folder) }
      var names: [String] = []
      while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
          unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != "." && name != ".." { names.append(name) }
      }
      return names
    }
  }

  /// Runs the program with files of at most `blockCount` times 512 bytes, and its output in a pipe.
  static func limited(_ blockCount: Int, _ arguments: [String]) throws -> ProgramRun {
    try HostileStartTests.run(
      "{ (ulimit -f \(blockCount); exec \"$0\" \"$@\"); echo \"code $?\"; } | cat", arguments)
  }

  @Test("A file that may not grow loses no report, leaves the one before and nothing beside it")
  func fileSizeLimit() throws {
    let folder = try Folder()
    let path = "\(folder.path)/report"
    let run = try Self.limited(4, ["schema", "--output", path])
    #expect(run.output == (try ProgramRun(["schema"]).output) + "code 74\n")
    #expect(run.errors.contains("File too large; it went to standard output instead"))
    #expect(run.errors.contains("ulimit -f"))
    #expect(folder.names == [])
    #expect(try ProgramRun(["doctor", "--format", "json", "--output", path]).exitCode != 74)
    let before = try InputFile.bytes(of: path, byteLimit: 1 << 20)
    #expect(!before.isEmpty)
    #expect(try Self.limited(4, ["schema", "--output", path]).output.hasSuffix("code 74\n"))
    #expect(try InputFile.bytes(of: path, byteLimit: 1 << 20) == before)
    #expect(folder.names == ["report"])
  }

  @Test("A full device gets nothing, standard output everything")
  func fullDevice() throws {
    let run = try ProgramRun(["schema", "--output", "/dev/full"])
    #expect(run.exitCode == 74)
    #expect(run.output == (try ProgramRun(["schema"]).output))
    #expect(run.errors.contains("No space left on device; it went to standard output instead"))
  }

  @Test(
    "Results that cannot be kept are noticed before hours of work, which are not done",
    arguments: [
      ["--resume", "/no/such/folder/file"], ["--write-profile", "/no/such/folder/file"],
      ["--resume", "/tmp"], ["--write-profile", "/tmp"], ["--output", "/no/such/folder/file"],
      ["--write-profile", "/proc/version"], ["--resume", "/proc/version"],
    ])
  func noticedBefore(_ option: [String]) throws {
    // Without the device the work itself would fail, with another code.
    let run = try ProgramRun(["conform", "--kvm-device", "/no/such/device"] + option)
    #expect(run.exitCode == 74 || (option == ["--resume", "/tmp"] && run.exitCode == 65))
    #expect(run.errors.contains("hint: "))
    #expect(run.output.isEmpty)
  }

  @Test(
    "Help, versions and schemas that nobody gets are no success",
    arguments: [
      ["--help"], ["--version"], ["help", "verify"], ["verify", "--help"], ["schema"], [],
    ])
  func helpOnFullDevice(_ arguments: [String]) throws {
    let run = try ProgramRun(arguments, outputPath: "/dev/full")
    #expect(run.exitCode == 74)
    #expect(run.errors.contains("cannot write 'standard output': No space left on device"))
  }

  @Test(
    "A profile that cannot be completed goes to standard output, and the report is there",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func profile() throws {
    let folder = try Folder()
    let (report, profile) = ("\(folder.path)/report", "\(folder.path)/profile")
    let run = try ProgramRun(
      ["conform", "--output", report, "--write-profile", "/dev/full", "--timeout", "30m"])
    #expect(run.exitCode == 74, "\(run.errors)")
    #expect(run.output.contains("urn:kvmpt:schema:machine-profile"))
    #expect(folder.names == ["report"])
    #expect(try ProgramRun(["schema", "--output", profile]).exitCode == 0)
  }
}
