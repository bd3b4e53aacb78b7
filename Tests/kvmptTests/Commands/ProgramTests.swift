// The program from outside: exit codes, and what goes to which stream.

import Testing

@testable import kvmpt

@Suite("The program keeps the conventions of the command line")
struct ProgramTests {
  static let sound = "memory: 4MiB\nmappings: [{linear: 0x1000, size: 4KiB, rights: rw-}]\n"

  @Test("Without arguments it prints its help and succeeds")
  func bareCommandPrintsHelp() throws {
    let run = try ProgramRun([])
    #expect(run.exitCode == 0)
    #expect(run.errors.isEmpty)
    for word in ["verify", "doctor", "check", "schema", "EXIT CODES", "kvmpt verify Examples/"] {
      #expect(run.output.contains(word), "\(word)")
    }
  }

  @Test("Every exit code is documented in the help of the commands that use it")
  func helpListsExitCodes() throws {
    for arguments in [["--help"], ["verify", "--help"], ["doctor", "--help"]] {
      let help = try ProgramRun(arguments).output
      for status in ExitStatus.allCases {
        #expect(help.contains("\n  \(status.rawValue) "), "\(arguments) \(status)")
        #expect(help.contains(status.meaning))
      }
    }
  }

  @Test("Every example that the help shows is a file of the repository")
  func helpExamplesExist() throws {
    let help = try ["verify", "check", "doctor"].map { try ProgramRun([$0, "--help"]).output }
    let files = help.joined().split { " \n".contains($0) }.filter {
      $0.hasPrefix("Examples/") && !$0.contains("*")
    }
    #expect(files.count >= 2)
    for file in files { #expect(try !PackageFiles.bytes(of: String(file)).isEmpty) }
  }

  @Test(
    "A mistake on the command line is code 64, on standard error",
    arguments: [
      ["frobnicate"], ["verify"], ["verify", "x", "--format", "pdf"], ["check"],
      ["verify", "x", "--qemu", "y"], ["doctor", "--phys-bits", "40"],
      ["verify", "x", "--machine", "qemu", "--kvm-device", "y"],
      ["verify", "x", "--timeout", "soon"], ["verify", "x", "--timeout", "0s"],
      ["verify", "x", "--color", "blue"], ["verify", "x", "--if-no-kvm", "pray"],
      ["doctor", "--format", "junit"], ["schema", "x"],
    ])
  func usageErrors(_ arguments: [String]) throws {
    let run = try ProgramRun(arguments)
    #expect(run.exitCode == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("Usage:"))
  }

  @Test(
    "A file that is missing or wrong is code 65, with its place", arguments: ["verify", "check"])
  func inputErrors(_ command: String) throws {
    let missing = try ProgramRun([command, "no/such/file.yaml"])
    #expect(missing.exitCode == 65)
    #expect(missing.errors.hasPrefix("error: cannot read 'no/such/file.yaml': No such file"))

    let folder = try ProgramRun([command, PackageFiles.root])
    #expect(folder.exitCode == 65)
    #expect(folder.errors.contains("Is a directory"))

    let endless = try ProgramRun([command, "/dev/zero"])
    #expect(endless.exitCode == 65)
    #expect(endless.errors.contains("[file-too-large]"))

    let file = try TemporaryFile("memory: 4MB\nmappings: []\n")
    let wrong = try ProgramRun([command, file.path])
    #expect(wrong.exitCode == 65)
    #expect(wrong.output.isEmpty)
    #expect(
      wrong.errors
        == "\(file.path):1:9: error: 'MB' is not a unit [bad-number]\n  hint: write MiB\n")
  }

  @Test("check names what it read, or everything that is wrong")
  func checkReports() throws {
    let good = try TemporaryFile(Self.sound)
    let bad = try TemporaryFile("memory: 4MB\nmapings: []\n")
    let run = try ProgramRun(["check", good.path, bad.path])
    #expect(run.exitCode == 65)
    #expect(
      run.output == "\(good.path): ok: 1 mapping, 0 expectations, 4 MiB of memory, 4 levels\n")
    #expect(run.errors.split(separator: "\n").filter { $0.contains("error:") }.count == 3)

    let json = try ProgramRun(["check", "--format", "json", good.path, bad.path])
    #expect(json.exitCode == 65)
    #expect(json.errors.isEmpty)
    let entries = try #require(try JSONValue(json: json.output)["files"]).elements
    #expect(entries.map { $0["problems"] == .array([]) } == [true, false])
  }

  @Test("All examples pass check")
  func examplesPass() throws {
    let run = try ProgramRun(
      ["check"] + PackageFiles.examples.map { "\(PackageFiles.root)/Examples/\($0)" })
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.output.split(separator: "\n").count == PackageFiles.examples.count)
  }

  @Test("The schema is printed, and written where --output says")
  func schema() throws {
    #expect(try ProgramRun(["schema"]).output == AddressSpaceSchema.text)
    let file = try TemporaryFile("something older and longer than nothing")
    let run = try ProgramRun(["schema", "--output", file.path])
    #expect(run.exitCode == 0 && run.output.isEmpty)
    #expect(try file.text() == AddressSpaceSchema.text)
  }

  @Test("An output that cannot be written is code 74")
  func outputErrors() throws {
    let missing = try ProgramRun(["schema", "-o", "/no/such/folder/file"])
    #expect(missing.exitCode == 74)
    #expect(missing.errors.contains("/no/such/folder/file"))
    let full = try ProgramRun(["schema"], outputPath: "/dev/full")
    #expect(full.exitCode == 74)
    #expect(full.errors.contains("No space left"))
  }

  @Test("Colour comes only when it is asked for, and not to a file by itself")
  func colour() throws {
    let file = try TemporaryFile(Self.sound)
    let plain = try ProgramRun(["check", file.path], environment: ["TERM=xterm"])
    #expect(!plain.output.contains("\u{1b}"))
    let always = try ProgramRun(["check", file.path, "--color", "always"])
    #expect(always.output.contains("\u{1b}[32mok\u{1b}[0m"))
    let forced = try ProgramRun(["check", file.path], environment: ["CLICOLOR_FORCE=1"])
    #expect(forced.output.contains("\u{1b}"))
    let never = try ProgramRun(
      ["check", file.path], environment: ["CLICOLOR_FORCE=1", "NO_COLOR=1"])
    #expect(!never.output.contains("\u{1b}"))
  }
}
