// Attributes that a file asks for and the pages of an image lack: each is one disagreement.

import TestImages
import Testing

@testable import kvmpt

@Suite("Every attribute that was asked for and is not there is a disagreement")
struct AttributeCaseTests {
  @Test(
    "Of 512 pages, in verify and in diff",
    arguments: [
      ("page: 4KiB, global: true", ["global"]), ("page: 4KiB, memory-type: UC", ["memory-type"]),
      ("page: 4KiB, key: 3", ["key"]), ("page: 4KiB, software-bits: 1", ["software-bits"]),
      ("page: 4KiB, accessed: true", ["accessed"]),
      ("page: 4KiB, accessed: true, dirty: true", ["accessed", "dirty"]), ("page: 2MiB", ["page"]),
      ("page: 4KiB", []),
    ])
  func attributes(_ asked: String, _ properties: [String]) throws {
    var image = TableImage(root: 0x1a_0000)
    for page in 0..<512 as Range<UInt64> {
      image.map(
        0x40_0000 + page << 12, to: 0x60_0000 + page << 12, [.present, .writable, .user])
    }
    let core = ImageFile()
    try image.writeCore(to: core.path, ranges: [0x1a_0000..<0x1a_4000], cr4: 0x40_0020)
    let file = try TemporaryFile(
      """
      memory: 64MiB
      mappings:
        - {name: a, linear: 0x40_0000, physical: 0x60_0000, size: 2MiB, rights: rwx, user: true, \(asked)}
      """, suffix: ".yaml")
    let isSame = properties.isEmpty
    let diff = try ProgramRun(["diff", core.path, file.path, "--format", "json"])
    #expect(diff.exitCode == (isSame ? 0 : 1), "\(diff.output)\(diff.errors)")
    let difference = try JSONValue(json: diff.output)
    #expect(difference["difference-count"] == .integer(isSame ? 0 : 1))
    let proof = try ProgramRun([
      "verify", core.path, "--expect", file.path, "--if-no-kvm", "model", "--kvm-device", "/no",
      "--format", "json",
    ])
    #expect(proof.exitCode == (isSame ? 77 : 1), "\(proof.errors)")
    let report = try JSONValue(json: proof.output)
    #expect(report["ranges"]?["differing"] == .integer(isSame ? 0 : 1))
    for found in [difference, report["ranges"] ?? .null] where !isSame {
      let first = try #require(found["differences"]?.elements.first)
      #expect(first["properties"] == .array(properties.map(JSONValue.string)))
      #expect(first["linear"] == .string("0x400000") && first["last"] == .string("0x5fffff"))
    }
  }
}
