// Reports never cost a file that was there: not the input, and not the report before.

import Glibc
import TestImages
import Testing

@testable import kvmpt

@Suite("Writing a report destroys nothing, and a report that was made is not lost")
struct OutputSafetyTests {
  static let example = MainJobTests.example("minimal.json")

  /// A small image, which every command about images takes.
  static func image() throws -> ImageFile {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user, .noExecute])
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 0x8000)
    return file
  }

  /// Every command that reads a file, with `@` for the file.
  static let readers: [[String]] = [
    ["dump", "@", "--cr3", "0x1000"], ["audit", "@", "--cr3", "0x1000"],
    ["stats", "@", "--cr3", "0x1000"], ["aliases", "@", "--cr3", "0x1000"],
    ["convert", "@", "--cr3", "0x1000"], ["walk", "@", "0x400000", "--cr3", "0x1000"],
    ["explain", "@", "0x400000", "--cr3", "0x1000"], ["diff", "@", example, "--cr3", "0x1000"],
    ["diff", example, "@", "--cr3", "0x1000"], ["verify", "@", "--cr3", "0x1000"],
    ["audit", "@", "--cr3", "0x1000", "--allow", "@"], ["check", example, "@"], ["merge", "@"],
    ["verify", example, "--machine-profile", "@"],
    ["verify", LinuxCaseTests.core, "--expect", "@"],
  ]

  /// Other ways to name a file.
  enum Name: String, CaseIterable {
    case itself, symbolicLink, hardLink, roundabout

    /// A path that leads to `path`, and what has to be removed afterwards.
    func path(to path: String) -> String {
      let other = "\(path)-\(rawValue)"
      // SAFETY: Swift passes strings that live for the calls and end with a 0.
      switch self {
      case .itself: return path
      case .symbolicLink: unsafe symlink(path, other)
      case .hardLink: unsafe link(path, other)
      case .roundabout: return path.replacing("/tmp/", with: "/tmp/../tmp/./")
      }
      return other
    }
  }

  @Test("An output that is the input is refused before it is touched", arguments: readers)
  func inputIsKept(_ arguments: [String]) throws {
    let file = try Self.image()
    let before = try InputFile.bytes(of: file.path, byteLimit: 1 << 20)
    for name in Name.allCases {
      let output = name.path(to: file.path)
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      defer { if output != file.path { unsafe unlink(output) } }
      let run = try ProgramRun(
        arguments.map { $0 == "@" ? file.path : $0 } + ["--output", output])
      #expect(run.exitCode == 64, "\(name): \(run.errors)")
      #expect(run.errors.contains("--output names the file"), "\(run.errors)")
      // The roundabout name is no other file, so it is still there.
      #expect(try InputFile.bytes(of: file.path, byteLimit: 1 << 20) == before, "\(name)")
      if name == .roundabout { continue }
    }
  }

  @Test("Standard output that is the input is refused, too")
  func standardOutput() throws {
    let file = try Self.image()
    let run = try HostileStartTests.run(
      "exec \"$0\" \"$@\" 1<>\(file.path)", ["dump", file.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 64)
    #expect(run.errors.contains("standard output is the file"), "\(run.errors)")
  }

  @Test("Two outputs have two files", arguments: ["--output", "--resume"])
  func twoOutputs(_ option: String) throws {
    let file = try TemporaryFile("old\n")
    let run = try ProgramRun(["conform", option, file.path, "--write-profile", file.path])
    #expect(run.exitCode == 64, "\(run.errors)")
    #expect(run.errors.contains("name the same file"))
    #expect(try file.text() == "old\n")
  }

  @Test(
    "A run that comes to no report leaves the one before",
    arguments: [
      ["verify", "/no/such/file.yaml"], ["check", "/no/such/file.yaml", "--format", "sarif"],
      ["verify", example, "--kvm-device", "/no/such/device"], ["dump", example],
      ["conform", "--kvm-device", "/no/such/device"], ["merge", example],
    ])
  func oldReportIsKept(_ arguments: [String]) throws {
    let file = try TemporaryFile("the report before\n")
    let run = try ProgramRun(arguments + ["--output", file.path])
    #expect(run.exitCode >= 64, "\(run.errors)")
    #expect(try file.text() == "the report before\n")
  }

  @Test("A report takes the place of the one before, with its permissions and through its link")
  func replaces() throws {
    let file = try TemporaryFile("the report before\n")
    // SAFETY: Swift passes strings that live for the calls and end with a 0.
    unsafe chmod(file.path, 0o640)
    let name = Name.symbolicLink.path(to: file.path)
    defer { unsafe unlink(name) }
    let run = try ProgramRun(["schema", "--output", name])
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try file.text() == ProgramRun(["schema"]).output)
    #expect(FileStatus(following: file.path)?.mode == S_IFREG | 0o640)
    // SAFETY: the kernel writes at most as many bytes as it is told.
    var buffer = [CChar](repeating: 0, count: 1)
    #expect(unsafe readlink(name, &buffer, 1) == 1)
  }
}
