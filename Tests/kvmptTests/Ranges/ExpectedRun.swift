// ExpectedRun: an image held against what somebody expects of it, by the program and by the model.

import TestImages
import Testing

@testable import kvmpt

/// One run of `kvmpt verify IMAGE --expect FILE` without a machine, so that every host gives it.
struct ExpectedRun {
  let exitCode: Int32
  let report: JSONValue

  /// Holds the tables at `root` against the address-space file with these lines of mappings.
  init(
    _ image: ImageFile, root: UInt64 = 0x1000, mappings: [String], _ arguments: String...
  ) throws {
    let file = try TemporaryFile(Self.file(mappings), suffix: ".yaml")
    try self.init(image, root, file, arguments)
  }

  /// Holds the tables against a listing.
  init(
    _ image: ImageFile, root: UInt64 = 0x1000, listing: String, _ arguments: String...
  ) throws {
    try self.init(image, root, try TemporaryFile(listing), arguments)
  }

  private init(
    _ image: ImageFile, _ root: UInt64, _ file: TemporaryFile, _ arguments: [String]
  ) throws {
    let run = try ProgramRun(
      Self.arguments(image, root, file) + ["--format", "json"] + arguments)
    exitCode = run.exitCode
    try #require(!run.output.isEmpty, "\(run.errors)")
    report = try JSONValue(json: run.output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
  }

  /// The arguments for a run without a machine.
  static func arguments(
    _ image: ImageFile, _ root: UInt64 = 0x1000, _ file: TemporaryFile
  ) -> [String] {
    [
      "verify", image.path, "--cr3", "0x\(String(root, radix: 16))", "--expect", file.path,
      "--if-no-kvm", "model", "--kvm-device", "/no/such/device",
    ]
  }

  /// An address-space file with these mappings.
  static func file(_ mappings: [String]) -> String {
    "memory: 64MiB\nmappings:" + (mappings.isEmpty ? " []\n" : "\n")
      + mappings.map { "  - {\($0)}\n" }.joined()
  }

  /// The ranges that differ.
  var differences: [JSONValue] { report["ranges"]?["differences"]?.elements ?? [] }

  /// The exact number of them.
  var differenceCount: Int? { report["ranges"]?["differing"]?.number }
}
