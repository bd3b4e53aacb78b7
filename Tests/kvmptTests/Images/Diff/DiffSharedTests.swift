// kvmpt diff: what shared tables map is compared whole, and nothing is dropped without a word.

import TestImages
import Testing

@testable import kvmpt

@Suite("Images are compared whole, however much they map")
struct DiffSharedTests {
  /// 256 TiB by four tables, every entry of which leads to the next one.
  static func shared(_ change: (inout TableImage, [UInt64]) -> Void = { _, _ in }) throws
    -> ImageFile
  {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in 0..<512 {
      image.set(tables[0] | 7, at: index, of: image.root)
      image.set(tables[1] | 7, at: index, of: tables[0])
      image.set(tables[2] | 7, at: index, of: tables[1])
      image.set(0x10_0000 + UInt64(index) << 12 | 7, at: index, of: tables[2])
    }
    change(&image, tables)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    return file
  }

  static func diff(_ first: String, _ second: String, _ more: [String] = []) throws -> ProgramRun {
    try ProgramRun(["diff", first, second, "--cr3", "0x1000"] + more)
  }

  @Test("2^36 pages by four tables against the same, and against one bit otherwise")
  func images() throws {
    let image = try Self.shared()
    let equal = try Self.shared()
    #expect(try Self.diff(image.path, equal.path).output == "0 differences\n")
    let other = try Self.shared { $0.set(0x10_7000 | 3, at: 7, of: $1[2]) }
    let run = try Self.diff(image.path, other.path)
    #expect(run.exitCode == 1)
    let lines = run.output.split(separator: "\n")
    let expected =
      "! 0x7000 to 0x7fff: rwx user at 0x10_7000 4KiB WB -> rwx no user at 0x10_7000 4KiB WB"
      + " (the right of CPL 3)"
    #expect(lines.first.map(String.init) == expected)
    #expect(lines.dropFirst().dropLast().allSatisfy { $0.contains("some pages") })
  }

  @Test("2^36 pages against a file of four pages: the rest is one line for what is alike")
  func file() throws {
    let image = try Self.shared()
    let file = try NamedFile(
      """
      memory: 2MiB
      mappings:
        - {linear: 0x1000, size: 16KiB, physical: 0x10_1000, rights: rwx, user: true}
        - {linear: 0x7fff_ffff_f000, size: 4KiB, rights: none}
      """, suffix: ".yaml")
    for (first, second, sign) in [(image.path, file.path, "-"), (file.path, image.path, "+")] {
      let run = try Self.diff(first, second)
      #expect(run.exitCode == 1)
      let lines = run.output.split(separator: "\n")
      #expect(lines.count < 2000, "\(lines.count)")
      #expect(lines.first?.hasPrefix("\(sign) 0x0 to 0xfff: rwx user at 0x10_0000 4KiB") == true)
      #expect(lines.contains { $0.hasPrefix("\(sign) 0x7fff_ffff_f000 to 0x7fff_ffff_ffff: ") })
      #expect(!lines.contains { $0.hasPrefix("\(sign) 0x1000 ") })
    }
  }

  @Test("Of more differences than are listed the rest is said, in text and JSON")
  func manyDifferences() throws {
    func image(_ bits: UInt64) throws -> ImageFile {
      var image = TableImage()
      for page in 0..<UInt64(12_000) {
        image.map(
          page << 13, to: page << 12, TableImage.Bits(rawValue: 3 | bits))
      }
      let file = ImageFile()
      try image.writeRaw(to: file.path, byteCount: 1 << 20)
      return file
    }
    let (old, new) = (try image(0), try image(1 << 9))
    let run = try Self.diff(old.path, new.path)
    // The tables that were not looked into any more have one difference at least.
    #expect(
      run.output.hasSuffix("and at least 241 more\nat least 10241 differences\n"),
      "\(run.output.suffix(99))")
    let json = try JSONValue(json: Self.diff(old.path, new.path, ["--format", "json"]).output)
    #expect(json["difference-count"] == .integer(10_241))
    #expect(json["differences"]?.elements.count == 10_000)
  }

  @Test("What one side says twice is a difference, and both are shown")
  func saidTwice() throws {
    let image = try ComparedPages.base.file(.image)
    let text = try ComparedPages.base.file(.tlb)
    let twice = try TemporaryFile(
      String(decoding: InputFile.bytes(of: text.path, byteLimit: 9999), as: UTF8.self)
        + "0000000050001000: 0000000090001000 ----A----\n")
    let run = try Self.diff(image.path, twice.path)
    #expect(run.exitCode == 1)
    #expect(run.output.contains("? 0x5000_1000 to 0x5000_1fff: said twice, "), "\(run.output)")
    let json = try JSONValue(
      json: Self.diff(image.path, twice.path, ["--format", "json"]).output)
    #expect(json["differences"]?.elements.first?["kind"] == .string("said-twice"))
  }
}
