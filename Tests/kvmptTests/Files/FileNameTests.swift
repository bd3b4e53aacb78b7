// Names that a terminal or a CI system would obey.

import Glibc
import TestImages
import Testing

@testable import kvmpt

@Suite("Names of files cannot speak to terminals and CI systems, in any format")
struct FileNameTests {
  /// A workflow command of GitHub Actions, one of Azure Pipelines, a colour, and a change of the
  /// direction of writing.
  static let hostile = "x\n::error::pwned\n##[error]pwned\r\u{1b}[31m\u{9b}2J\u{202e}y"

  /// A folder whose name is hostile, with an image and two address spaces.
  final class Files {
    let folder = "/tmp/kvmpt-\(getpid())-\(UInt64.random(in: 0...UInt64.max))\(hostile)"
    var image: String { "\(folder)/image" }
    var space: String { "\(folder)/space.json" }
    var wrong: String { "\(folder)/wrong.yaml" }
    var missing: String { "\(folder)/\(hostile)" }

    init() throws {
      // SAFETY: Swift passes strings that live for the calls and end with a 0.
      try #require(unsafe mkdir(folder, 0o700) == 0)
      let plain = try OutputSafetyTests.image()
      try #require(unsafe rename(plain.path, image) == 0)
      try copy(PackageFiles.bytes(of: "Examples/minimal.json"), to: space)
      try copy(Array("memory: 1MiB\nmappings: \"::error::x\"\n".utf8), to: wrong)
    }

    private func copy(_ bytes: [UInt8], to path: String) throws {
      let destination = try ReportDestination(path: path)
      destination.write(bytes: bytes)
      try destination.finish()
    }

    deinit {
      // SAFETY: Swift passes strings that live for the calls and end with a 0.
      for path in [image, space, wrong] { unsafe unlink(path) }
      unsafe rmdir(folder)
    }
  }

  /// What is wrong with a text, or nil.
  static func problem(in text: String) -> String? {
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      let start = line.drop { $0 == " " || $0 == "\t" }
      if start.hasPrefix("::") { return "a command: \(line)" }
      if line.contains("##[") { return "a command: \(line)" }
    }
    let bad = text.unicodeScalars.first {
      ($0.value < 0x20 && $0 != "\n") || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}"
    }
    return bad.map { "the character \(String($0.value, radix: 16))" }
  }

  static func commands(_ files: Files) -> [[String]] {
    let root = ["--cr3", "0x1000"]
    let model = ["--kvm-device", "/no/such/device", "--if-no-kvm", "model"]
    var commands: [[String]] = [
      ["check", files.space], ["check", files.wrong], ["check", files.missing],
      ["dump", files.image] + root, ["dump", files.missing] + root, ["dump", files.space],
      ["stats", files.image] + root, ["aliases", files.image] + root,
      ["walk", files.image, "0x400000"] + root, ["explain", files.image, "0x400000"] + root,
      ["convert", files.image] + root, ["diff", files.image, files.space] + root,
      ["audit", files.image] + root, ["audit", files.image, "--allow", files.wrong] + root,
      ["merge", files.space], ["merge", files.missing], ["doctor", "--kvm-device", files.missing],
      ["conform", "--kvm-device", files.missing], ["dump", files.image, "--cr3", hostile],
      ["verify", files.space, "--output", "\(files.missing)/x"],
      ["verify", files.space, "--machine", hostile], [hostile], ["schema", hostile],
      ["dump", files.image, "--output", files.image] + root,
      ["verify", files.space, "--allow-unproved", hostile] + model,
      ["verify", files.space, "--timeout", hostile],
      ["verify", files.space, "--machine-profile", files.wrong],
      ["verify", files.wrong] + model,
      ["verify", files.image, "--expect", files.wrong] + root + model,
    ]
    for format in ["text", "json", "junit", "tap"] {
      commands.append(["verify", files.space, "--format", format] + model)
      commands.append(["verify", files.image, "--format", format] + root + model)
      commands.append(
        ["verify", files.image, "--expect", files.space, "--format", format] + root + model)
      commands.append(
        ["verify", files.space, "--format", format, "--if-no-kvm", "skip", "--kvm-device"]
          + [files.missing])
      if format != "tap" {
        commands.append(["audit", files.image, "--format", format] + root)
      }
    }
    for command in ["dump", "stats", "aliases"] {
      commands.append([command, files.image, "--format", "json"] + root)
    }
    commands.append(["check", files.space, files.wrong, "--format", "json"])
    commands.append(["audit", files.image, "--format", "sarif"] + root)
    return commands
  }

  @Test("No command writes a hostile name as it is")
  func everywhere() throws {
    let files = try Files()
    for arguments in Self.commands(files) {
      let run = try ProgramRun(arguments)
      #expect(run.exitCode < 100)
      #expect(Self.problem(in: run.output) == nil, "\(arguments)")
      #expect(Self.problem(in: run.errors) == nil, "\(arguments)")
    }
  }

  @Test("JSON says the name itself, in escapes")
  func jsonKeepsTheName() throws {
    let files = try Files()
    let run = try ProgramRun(["check", files.space, "--format", "json"])
    #expect(
      run.output.contains("\\n::error::pwned\\n#\\u0023[error]pwned\\r\\u001b[31m\\u009b2J\\u202e"))
    #expect(throws: Never.self) { try JSONValue(json: run.output) }
  }

  @Test(
    "One line is one line, and harmless names stay as they are",
    arguments: [
      ("a.yaml", "a.yaml"), ("größe 𝔵 → ok", "größe 𝔵 → ok"), ("a::b", "a::b"),
      ("::error::x", "\u{fffd}:error::x"), ("  ::x", "  \u{fffd}:x"), ("a\nb", "a\u{fffd}b"),
      ("a#b", "a#b"), ("##[x", "#\u{fffd}[x"), ("\u{1b}[0m", "\u{fffd}[0m"),
      ("\u{2028}", "\u{fffd}"), ("\u{200b}", "\u{fffd}"), ("", ""),
    ])
  func oneLine(_ text: String, _ expected: String) {
    #expect(PlainText.oneLine(text) == expected)
  }
}
