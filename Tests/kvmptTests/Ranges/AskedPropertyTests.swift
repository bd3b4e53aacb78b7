// Every property that a file can ask for is compared with the tables of an image.

import TestImages
import Testing

@testable import kvmpt

@Suite("Every property that a file can ask for is compared")
struct AskedPropertyTests {
  /// A lie: what an image has, what a file asks for, and the property that differs.
  struct Lie: CustomTestStringConvertible, Sendable {
    let property: String
    /// Bits of the leaf beside P, R/W and XD, or those of a page of 2 MiB.
    let bits: UInt64
    /// What the file says about the page.
    let asked: String
    let message: String
    var isLarge = false

    var testDescription: String { "\(asked.isEmpty ? "nothing" : asked) of \(bits)" }
  }

  static let lies: [Lie] = [
    Lie(
      property: "memory-type", bits: 0, asked: "memory-type: UC",
      message: "the memory type is WB instead of UC"),
    Lie(
      property: "memory-type", bits: 1 << 3, asked: "",
      message: "the memory type is WT instead of WB"),
    Lie(
      property: "memory-type", bits: 0, asked: "memory-type: WC",
      message: "the memory type is WB instead of WC, which IA32_PAT does not have"),
    Lie(property: "global", bits: 0, asked: "global: true", message: "G is clear instead of set"),
    Lie(property: "global", bits: 1 << 8, asked: "", message: "G is set instead of clear"),
    Lie(
      property: "key", bits: 3 << 59, asked: "key: 5",
      message: "the protection key is 3 instead of 5"),
    Lie(property: "key", bits: 3 << 59, asked: "", message: "the protection key is 3 instead of 0"),
    Lie(
      property: "software-bits", bits: 1 << 9, asked: "software-bits: 0x204",
      message: "software's bits are 0x1 instead of 0x204"),
    Lie(
      property: "software-bits", bits: 1 << 58, asked: "",
      message: "software's bits are 0x200 instead of 0x0"),
    Lie(
      property: "accessed", bits: 0, asked: "accessed: true",
      message: "A is clear instead of set"),
    Lie(
      property: "accessed", bits: 1 << 5, asked: "accessed: false",
      message: "A is set instead of clear"),
    Lie(
      property: "dirty", bits: 1 << 5, asked: "dirty: true", message: "D is clear instead of set"),
    Lie(
      property: "dirty", bits: 3 << 5, asked: "dirty: false", message: "D is set instead of clear"),
    Lie(
      property: "page", bits: 0, asked: "page: 2MiB",
      message: "the page size is 4KiB instead of 2MiB"),
    Lie(
      property: "page", bits: 0, asked: "page: 4KiB",
      message: "the page size is 2MiB instead of 4KiB", isLarge: true),
  ]

  static func image(_ bits: UInt64, isLarge: Bool) throws -> ImageFile {
    var image = TableImage()
    let leaf = TableImage.Bits([.present, .writable, .noExecute]).union(.init(rawValue: bits))
    if isLarge {
      image.map(0x40_0000, to: 0x20_0000, leaf, level: 2)
    } else {
      for page in UInt64(0)..<512 {
        image.map(0x40_0000 + page << 12, to: 0x20_0000 + page << 12, leaf)
      }
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    return file
  }

  static func mapping(_ asked: String) -> String {
    "name: page, linear: 0x40_0000, size: 2MiB, physical: 0x20_0000, rights: rw-"
      + (asked.isEmpty ? "" : ", " + asked)
  }

  @Test("Each lie about a property is one difference, about this property", arguments: lies)
  func lie(_ lie: Lie) throws {
    let image = try Self.image(lie.bits, isLarge: lie.isLarge)
    let run = try ExpectedRun(image, mappings: [Self.mapping(lie.asked)])
    #expect(run.exitCode == 1 && run.differenceCount == 1)
    let difference = try #require(run.differences.first)
    #expect(difference["kind"]?.text == "different" && difference["mapping"]?.text == "page")
    #expect(difference["properties"]?.elements == [.string(lie.property)])
    #expect(difference["message"]?.text == lie.message)
    #expect(difference["every-page"] == .bool(true))
    #expect(difference["leaves"]?.number == (lie.isLarge ? 1 : 512))
    // Nothing of this shows in an access.
    #expect(run.report["probes"]?["disagreeing"]?.number == 0)
  }

  @Test("The truth agrees, and what is not said is not compared, in every format")
  func truth() throws {
    let image = try Self.image(3 << 5 | 1 << 8 | 6 << 59 | 1 << 52 | 1 << 4, isLarge: false)
    let asked = "global: true, key: 6, software-bits: 8, memory-type: UC-"
    let run = try ExpectedRun(image, mappings: [Self.mapping(asked)])
    #expect(run.exitCode == 77 && run.differenceCount == 0)
    #expect(
      run.report["ranges"]?["not-compared"]
        == .object(["accessed": .integer(1), "dirty": .integer(1), "page": .integer(1)]))
    let all = try ExpectedRun(
      image, mappings: [Self.mapping(asked + ", accessed: true, dirty: true, page: 4KiB")])
    #expect(all.exitCode == 77 && all.differenceCount == 0)
    #expect(all.report["ranges"]?["not-compared"] == .object([:]))
    let expected = try TemporaryFile(
      ExpectedRun.file([Self.mapping(asked)]), suffix: ".yaml")
    for format in ["text", "junit", "tap"] {
      let output = try ProgramRun(
        ExpectedRun.arguments(image, 0x1000, expected) + ["--format", format]
      ).output
      let words = "the page size of 1 range, A of 1 range, D of 1 range"
      #expect(output.contains(words), "\(format): \(output)")
    }
  }

  @Test("A memory type is what IA32_PAT says, and --pat says what that is")
  func pageAttributeTable() throws {
    // Index 1 is WT after a reset, and WC as Linux loads it.
    let image = try Self.image(1 << 3, isLarge: false)
    let mapping = Self.mapping("memory-type: WC")
    #expect(try ExpectedRun(image, mappings: [mapping]).exitCode == 1)
    let run = try ExpectedRun(image, mappings: [mapping], "--pat", "linux")
    #expect(run.exitCode == 77 && run.differenceCount == 0)
    #expect(run.report["ranges"]?["page-attribute-table"]?.text == "0x407050600070106")
  }

  @Test("A difference is a failure of its mapping and of all that is mapped, in every format")
  func formats() throws {
    let image = try Self.image(0, isLarge: false)
    let expected = try TemporaryFile(
      ExpectedRun.file([Self.mapping("global: true")]), suffix: ".yaml")
    func output(_ format: String) throws -> String {
      let run = try ProgramRun(
        ExpectedRun.arguments(image, 0x1000, expected) + ["--format", format])
      #expect(run.exitCode == 1)
      return run.output
    }
    let message = "0x40_0000 to 0x5f_ffff: mapping 'page': G is clear instead of set"
    let text = try output("text")
    #expect(text.contains("disagreement at " + message), "\(text)")
    #expect(text.contains("1 range is not as asked for"))
    #expect(try output("tap").contains("id: \"different\""))
    #expect(try output("junit").contains("type=\"different\""))
  }
}
