// --output: the report in the file is the report of standard output.

import Testing

@testable import kvmpt

@Suite("Every command writes to its file what it writes to standard output")
struct OutputFileTests {
  private static let raw = [OptionImages.shared.raw]
  private static let root = ["--cr3", "0x1000"]
  private static let noKVM = ["--kvm-device", "/no/such/device"]
  private static let yaml = MainJobTests.example("user-process.yaml")

  /// The runs that need no machine, with every format of each command.
  static let runs: [[String]] =
    ["text", "json"].flatMap { format -> [[String]] in
      let asked = ["--format", format]
      return [
        ["check", yaml] + asked, ["doctor"] + noKVM + asked, ["merge", "REPORT"] + asked,
        ["dump"] + raw + root + asked, ["walk"] + raw + ["0x2000"] + root + asked,
        ["explain"] + raw + ["0x2000"] + root + asked, ["audit"] + raw + root + asked,
        ["diff"] + raw + [OptionImages.shared.core] + root + ["--cr3-b", "0x200000"] + asked,
        ["aliases"] + raw + root + asked, ["stats"] + raw + root + asked,
      ]
    } + [
      ["convert"] + raw + root, ["schema"], ["audit"] + raw + root + ["--format", "junit"],
      ["audit"] + raw + root + ["--format", "sarif"], ["dump"] + raw + root + ["--tree"],
      ["dump"] + raw + root + ["--format", "jsonl"], ["dump"] + raw + root + ["--format", "tlb"],
    ]
    + ReportFormat.allCases.flatMap { format -> [[String]] in
      ["skip", "model"].flatMap { policy -> [[String]] in
        let asked = noKVM + ["--if-no-kvm", policy, "--format", format.rawValue]
        return [
          ["verify", yaml] + asked, ["verify"] + raw + root + asked,
          ["verify"] + raw + root + asked + ["--allow-unproved", "all"],
        ]
      }
    }

  @Test("Each run with --output or -o, and without", arguments: runs)
  func each(_ given: [String]) throws {
    let report = try TemporaryFile(WrittenReport.text(WrittenReport.make()))
    let arguments = given.map { $0 == "REPORT" ? report.path : $0 }
    let plain = try ProgramRun(arguments)
    let folder = try FullDiskTests.Folder()
    let path = "\(folder.path)/report"
    let option = arguments.contains("json") ? "-o" : "--output"
    let run = try ProgramRun(arguments + [option, path])
    #expect(run.exitCode == plain.exitCode)
    #expect(run.errors == plain.errors)
    #expect(run.output.isEmpty)
    let bytes = try InputFile.bytes(of: path, byteLimit: 16 << 20)
    #expect(
      Recording.withoutTimes(String(decoding: bytes, as: UTF8.self))
        == Recording.withoutTimes(plain.output))
    #expect(!plain.output.isEmpty && plain.exitCode != 64 && plain.exitCode != 70)
  }

  @Test(
    "A folder that is not there is noticed before an input that is not",
    arguments: runs.filter { !$0.contains("json") })
  func noticedFirst(_ given: [String]) throws {
    // The same run with an image or a file that is not there ends with another code.
    let inputs = Set(Self.raw + [OptionImages.shared.core, Self.yaml, "REPORT"])
    let arguments = given.map { inputs.contains($0) ? "/no/such/input.yaml" : $0 }
    let run = try ProgramRun(arguments + ["--output", "/no/such/folder/report"])
    #expect(run.exitCode == 74, "\(run.errors)")
    #expect(
      run.errors == """
        error: cannot write '/no/such/folder/report': No such file or directory
          hint: make the folder first, or name another one

        """)
    #expect(run.output.isEmpty)
  }
}
