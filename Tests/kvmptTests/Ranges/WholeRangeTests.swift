// Every range that was asked for is compared whole, however much the plan of probes leaves out.

import TestImages
import Testing

@testable import kvmpt

@Suite("What was asked for is compared whole with what the tables of an image map")
struct WholeRangeTests {
  @Test("A mapping that is missing is found after a great range that must not be mapped")
  func missingMapping() throws {
    // A GiB of entries that are not present: 512 ways to one empty table.
    var image = TableImage()
    let (upper, middle, empty) = (image.makeTable(), image.makeTable(), image.makeTable())
    image.set(upper | 7, at: 0, of: image.root)
    image.set(middle | 7, at: 1, of: upper)
    for index in 0..<512 { image.set(empty | 7, at: index, of: middle) }
    image.map(0x1_0000_0000, to: 0x10_0000, [.present, .writable])
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 2 << 20)
    let run = try ExpectedRun(
      file,
      mappings: [
        "name: hole, linear: 0x4000_0000, size: 1GiB, rights: ---",
        "name: code, linear: 0x8000_0000, size: 8KiB, physical: 0x20_0000, rights: r-x",
        "name: data, linear: 0x1_0000_0000, size: 4KiB, physical: 0x10_0000, rights: rwx",
      ])
    #expect(run.exitCode == 1 && run.differenceCount == 1)
    let difference = try #require(run.differences.first)
    #expect(difference["kind"]?.text == "not-mapped" && difference["mapping"]?.text == "code")
    #expect(difference["linear"]?.text == "0x80000000" && difference["last"]?.text == "0x80001fff")
    #expect(difference["level"]?.number == 3)
  }

  /// Tables that are shared, so that the leaves are more than are listed one by one: `wayCount` ways
  /// from entries of the level above to one table of 512 pages.
  static func shared(
    wayCount: Int, _ bits: TableImage.Bits, change: (inout TableImage, UInt64) -> Void = { _, _ in }
  ) throws -> ImageFile {
    var image = TableImage()
    let (upper, leaves) = (image.makeTable(), image.makeTable())
    image.set(upper | 7, at: 0, of: image.root)
    for index in 0..<512 {
      image.set(0x20_0000 + UInt64(index) << 12 | bits.rawValue, at: index, of: leaves)
    }
    change(&image, leaves)
    var (middle, ways) = (UInt64(0), 0)
    for way in 0..<wayCount {
      if way % 512 == 0 {
        // The tables between are shared where they are full.
        if way == 0 || wayCount - way < 512 {
          middle = image.makeTable()
          ways = min(512, wayCount - way)
          for index in 0..<ways { image.set(leaves | 7, at: index, of: middle) }
        }
        image.set(middle | 7, at: way / 512, of: upper)
      }
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    return file
  }

  /// A mapping for each way to the shared table, without a gap in each of `gaps`.
  static func mappings(wayCount: Int, guards: Set<UInt64>) -> [String] {
    (0..<UInt64(wayCount)).flatMap { way -> [String] in
      let first = way << 21
      func part(_ offset: UInt64, _ byteCount: UInt64, _ rest: String) -> String {
        "name: part \(way)-\(offset), linear: 0x\(String(first + offset, radix: 16)), size: \(byteCount), \(rest)"
      }
      func mapped(_ offset: UInt64, _ byteCount: UInt64) -> String {
        part(offset, byteCount, "rights: rwx, physical: 0x\(String(0x20_0000 + offset, radix: 16))")
      }
      guard let address = guards.first(where: { $0 >> 21 == way }) else {
        return [mapped(0, 1 << 21)]
      }
      let offset = address - first
      return [
        mapped(0, offset), part(offset, 4096, "rights: ---"),
        mapped(offset + 4096, 1 << 21 - offset - 4096),
      ]
    }
  }

  @Test("A guard page that shared tables of a million leaves map is found, wherever it is")
  func guardPage() throws {
    let image = try Self.shared(wayCount: 2048, [.present, .writable])
    let right = try ExpectedRun(image, mappings: Self.mappings(wayCount: 2048, guards: []))
    #expect(right.exitCode == 77 && right.differenceCount == 0)
    let guards: Set<UInt64> = [0x7_5000, 0x5a5a_3000, 0xffff_1000]
    let run = try ExpectedRun(image, mappings: Self.mappings(wayCount: 2048, guards: guards))
    #expect(run.exitCode == 1 && run.differenceCount == 3)
    for (difference, address) in zip(run.differences, guards.sorted()) {
      #expect(difference["kind"]?.text == "must-not-be-mapped")
      #expect(difference["linear"]?.text == "0x\(String(address, radix: 16))")
      #expect(difference["last"]?.text == "0x\(String(address | 0xfff, radix: 16))")
      #expect(difference["found"]?.text?.hasPrefix("rwx at ") == true)
    }
  }

  @Test("Of 4,198,400 leaves the last 16, which a listing does not have, are found")
  func lastPages() throws {
    let image = try Self.shared(wayCount: 8200, [.present, .writable, .user])
    let end: UInt64 = 8200 << 21
    func listing(upTo end: UInt64) -> String {
      "---[ User Space ]---\n0x0000000000000000-0x\(String(end, radix: 16)) 16400M USR RW x pte\n"
    }
    let right = try ExpectedRun(image, listing: listing(upTo: end))
    #expect(right.exitCode == 77 && right.differenceCount == 0)
    #expect(right.report["ranges"]?["not-compared"]?["physical"]?.number == 1)
    let run = try ExpectedRun(image, listing: listing(upTo: end - 16 << 12))
    #expect(run.exitCode == 1 && run.differenceCount == 1)
    let difference = try #require(run.differences.first)
    #expect(difference["kind"]?.text == "not-asked" && difference["leaves"]?.number == 16)
    #expect(difference["linear"]?.text == "0x\(String(end - 16 << 12, radix: 16))")
    #expect(difference["last"]?.text == "0x\(String(end - 1, radix: 16))")
  }

  @Test("168 pages beside a mapping, which nobody asked for, are found with an expectation only")
  func unaskedPages() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .noExecute])
    for page in UInt64(0)..<168 {
      image.map(0x40_2000 + page << 12, to: 0x11_0000 + page << 12, [.present, .writable, .user])
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    let run = try ExpectedRun(
      file, mappings: ["name: data, linear: 0x40_0000, size: 4KiB, rights: rw-"])
    #expect(run.exitCode == 1 && run.differenceCount == 1)
    #expect(run.differences.first?["kind"]?.text == "not-asked")
    #expect(run.differences.first?["leaves"]?.number == 168)
    #expect(run.differences.first?["found"]?.text?.hasPrefix("rwx user at 0x11_0000 4KiB") == true)
    let alone = try ProgramRun([
      "verify", file.path, "--cr3", "0x1000", "--if-no-kvm", "model", "--kvm-device",
      "/no/such/device", "--format", "json",
    ])
    #expect(alone.exitCode == 77)
    let report = try JSONValue(json: alone.output)
    #expect(report["ranges"] == .null)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
  }

  @Test("Of more differences than are listed the rest is counted, in every format")
  func manyDifferences() throws {
    var image = TableImage()
    var listing = ""
    for page in UInt64(0)..<10_050 {
      let address = 0x40_0000 + page << 13
      image.map(address, to: 0x10_0000, [.present])
      let digits = String(address, radix: 16)
      listing += String(repeating: "0", count: 16 - digits.count) + digits
      listing += ": 0000000000100000 -G-------\n"
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    let expected = try TemporaryFile(listing)
    func output(_ format: String) throws -> String {
      let run = try ProgramRun(
        ExpectedRun.arguments(file, 0x1000, expected) + ["--format", format])
      #expect(run.exitCode == 1, "\(run.errors)")
      return run.output
    }
    let ranges = try #require(try JSONValue(json: output("json"))["ranges"])
    #expect(ranges["differing"]?.number == 10_050 && ranges["dropped"]?.number == 50)
    #expect(ranges["differences"]?.elements.count == 10_000)
    let words = "10,050 ranges are not as asked for"
    #expect(try output("text").contains(words) && output("tap").contains(words))
    #expect(try output("junit").contains("message=\"\(words)\" type=\"different\""))
  }
}
