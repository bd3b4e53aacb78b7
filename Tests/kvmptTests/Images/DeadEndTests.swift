// Entries that lead nowhere, in every command: a line with their range, and no silent 0.

import MMU
import TestImages
import Testing

@testable import kvmpt

@Suite("What leads nowhere is said, with its range")
struct DeadEndTests {
  /// A page, two PTEs with reserved bits, and an entry whose table is not in the image.
  static func image() -> TableImage {
    var image = TableImage()
    image.map(0x40_0000, to: 0x8000, [.present, .writable, .user])
    image.set(1 << 51 | 0x9007, at: 1, of: 0x4000)
    image.set(1 << 51 | 0xa007, at: 2, of: 0x4000)
    image.set(0x7000_0007, at: 1, of: 0x2000)
    return image
  }

  static let reserved =
    "reserved bits 0x8_0000_0000_0000 are set in the PTE at 0x4008: 0x8_0000_0000_9007 and 1 more entry"
  static let missing =
    "no memory in the image for the table at 0x7000_0000, by the PDPTE at 0x2008: 0x7000_0007"

  /// The commands and what they need beside the image.
  static let commands = [
    ["dump"], ["stats"], ["aliases"], ["convert"], ["diff"],
    ["verify", "--if-no-kvm", "model", "--kvm-device", "/no/such/device"],
  ]

  static func run(
    _ command: [String], _ image: TableImage, root: String = "0x1000", _ more: [String] = []
  ) throws -> ProgramRun {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 0x1_0000)
    let paths = command[0] == "diff" ? [file.path, file.path] : [file.path]
    return try ProgramRun(
      command[..<1] + paths + command[1...] + ["--cr3", root, "--physical-bits", "48"] + more)
  }

  @Test(
    "Each is a line with its addresses and its entry, and a missing table ends with 77",
    arguments: commands)
  func lines(_ command: [String]) throws {
    let run = try Self.run(command, Self.image())
    #expect(run.exitCode == 77, "\(run.output)\(run.errors)")
    let lines = run.output.split(separator: "\n")
    let isDump = command[0] == "dump"
    for (words, range) in [
      (Self.reserved, isDump ? "0x0000000000401000 0x0000000000402fff" : "0x40_1000 to 0x40_2fff"),
      (
        Self.missing,
        isDump ? "0x0000000040000000 0x000000007fffffff" : "0x4000_0000 to 0x7fff_ffff"
      ),
    ] {
      let found = lines.filter { $0.hasSuffix(words) }
      #expect(found.count == (command[0] == "diff" ? 2 : 1), "\(run.output)")
      #expect(found.allSatisfy { $0.contains(range) }, "\(found)")
    }
    // Reserved bits alone are an answer; nothing else is missing then.
    var whole = Self.image()
    whole.set(0, at: 1, of: 0x2000)
    let answered = try Self.run(command, whole)
    #expect(answered.exitCode == (command[0] == "verify" ? 77 : 0), "\(answered.output)")
    #expect(!answered.output.contains("table-outside-memory"))
    #expect(answered.output.contains(Self.reserved))
  }

  @Test(
    "A root that leads nowhere is no empty address space: 77, and why",
    arguments: commands + [["audit"]])
  func emptyRoots(_ command: [String]) throws {
    var encrypted = TableImage()
    for index in [0, 256, 511] { encrypted.set(1 << 47 | 0x2007, at: index, of: 0x1000) }
    var garbage = TableImage()
    for index in 0..<8 { garbage.set(0x1234_5678_9abc_de00, at: index * 3, of: 0x1000) }
    for (image, words) in [
      (TableImage(), "all entries of the root at 0x1000 are 0; check --cr3"),
      (garbage, "the root at 0x1000 has 8 words that are not 0, none of them with P"),
      (encrypted, "bit 47 is set in all 3 entries of the root at 0x1000 that have P"),
    ] {
      let run = try Self.run(command, image)
      let code: Int32 = command[0] == "audit" && words.hasPrefix("bit") ? 1 : 77
      #expect(run.exitCode == code, "\(run.output)\(run.errors)")
      #expect(
        run.output.contains("no page is mapped: CR3 0x1000 leads nowhere: \(words)"),
        "\(run.output)")
    }
  }

  @Test("An encryption bit in CR3 is named, with the root without it")
  func encryptedRoot() throws {
    let run = try Self.run(["dump"], Self.image(), root: "0x800000001000")
    #expect(run.exitCode == 65 && run.output.isEmpty)
    #expect(run.errors.contains("bit 47 may be the encryption bit"), "\(run.errors)")
    #expect(run.errors.contains("try --cr3 0x1000,"), "\(run.errors)")
  }

  @Test("JSON says the same, and fits the schemas")
  func json() throws {
    for command in Self.commands where command[0] != "convert" {
      for image in [Self.image(), TableImage()] {
        let run = try Self.run(command, image, ["--format", "json"])
        #expect(run.exitCode == 77)
        let report = try JSONValue(json: run.output)
        let schema = command[0] == "verify" ? "verification" : command[0]
        let file = try DocumentationTests.text("Schemas/\(schema).schema.json")
        #expect(try JSONSchema(root: JSONValue(json: file)).violations(of: report) == [])
        let ends: [JSONValue]
        switch command[0] {
        case "dump":
          ends = report["mappings"]?.elements.filter { $0["dead-end"] != nil } ?? []
          #expect((report["empty-root"] != nil) == (image.tables[0x4000] == nil))
        case "diff": ends = report["tables-of-b"]?["dead-ends"]?.elements ?? []
        default:
          ends = report["dead-ends"]?.elements ?? []
          #expect(report["maps-pages"] == .bool(image.tables[0x4000] != nil))
        }
        let expected: [JSONValue?] =
          (image.tables[0x4000] == nil) ? [] : [.string("0x401000"), .string("0x40000000")]
        #expect(ends.map { $0["linear"] } == expected, "\(command)")
        #expect(
          ends.map { $0["bytes"] }
            == (expected.isEmpty ? [] : [.string("0x2000"), .string("0x40000000")]))
      }
    }
    let lines = try Self.run(["dump"], Self.image(), ["--format", "jsonl"]).output
    #expect(lines.contains("{\"dead-end\": \"table-outside-memory\", \"linear\": \"0x40000000\""))
  }

  @Test("A listing for other tools has no words for it, so that standard error says it")
  func tlb() throws {
    let run = try Self.run(["dump"], Self.image(), ["--format", "tlb"])
    #expect(run.exitCode == 77)
    #expect(run.output == "0000000000400000: 0000000000008000 -------UW\n")
    #expect(run.errors.contains("the listing is not whole") && run.errors.contains(Self.missing))
    let tree = try Self.run(["dump", "--tree"], TableImage())
    #expect(tree.exitCode == 77 && tree.output.contains("no page is mapped"))
  }

  @Test("Entries that step by 2 GiB where 1 GiB was asked are one finding, with the stride")
  func stride() throws {
    var image = TableImage()
    let start: UInt64 = 0xffff_8000_0000_0000
    for page in 0..<8 as Range<UInt64> {
      image.map(start + page << 30, to: page << 31, [.present, .writable, .noExecute], level: 3)
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 0x1_0000)
    let asked = try TemporaryFile(
      """
      memory: 16GiB
      mappings:
        - {name: physical memory, linear: 0xffff_8000_0000_0000, physical: 0x0, size: 8GiB, rights: rw-, page: 1GiB}
      """, suffix: ".yaml")
    let run = try ProgramRun([
      "verify", file.path, "--cr3", "0x1000", "--expect", asked.path, "--if-no-kvm", "model",
      "--kvm-device", "/no/such/device",
    ])
    #expect(run.exitCode == 1, "\(run.errors)")
    let findings = run.output.split(separator: "\n").filter { $0.hasPrefix("disagreement at ") }
    #expect(
      findings == [
        "disagreement at 0xffff_8000_4000_0000 to 0xffff_8001_ffff_ffff: mapping 'physical memory': each"
          + " PDPTE steps by 2 GiB where 1 GiB was asked; the physical address is 0x8000_0000 instead of"
          + " 0x4000_0000 at the first"
      ], "\(run.output)")
    #expect(run.output.contains("1 range is not as asked for"))
    for sides in [[file.path, asked.path], [asked.path, file.path]] {
      let json = try JSONValue(
        json: ProgramRun(["diff"] + sides + ["--cr3", "0x1000", "--format", "json"]).output)
      #expect(json["difference-count"] == .integer(1))
      let stride = json["differences"]?.elements.first?["stride"]
      #expect(stride?["linear"] == .string("0x40000000") && stride?["count"] == .integer(7))
      #expect(stride?["physical"] == .string("0x80000000"))
      let schema = try DocumentationTests.text("Schemas/diff.schema.json")
      #expect(try JSONSchema(root: JSONValue(json: schema)).violations(of: json) == [])
    }
  }
}
