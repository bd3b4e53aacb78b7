// Images whose memory lies in several ranges, as files that say so.

import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("An image with memory in several ranges becomes a file with the same ranges")
struct ConvertRangesTests {
  /// A core of a machine with a hole below 1 MiB and one below 4 GiB.
  static func core(_ ranges: [Range<UInt64>], large: UInt64? = nil) throws -> ImageFile {
    var image = TableImage()
    for page in 0..<UInt64(8) {
      // From 0x9_c000 on: four pages of memory and four behind its end.
      image.map(0x40_0000 + page << 12, to: 0x9_c000 + page << 12, [.present, .writable])
      image.map(0x60_0000 + page << 12, to: 0x10_0000 + page << 12, [.present, .noExecute])
    }
    image.map(0x80_0000, to: 1 << 32, [.present, .writable, .noExecute], level: 2)
    if let large { image.map(0xa0_0000, to: large, [.present, .noExecute], level: 2) }
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: ranges)
    return file
  }

  /// The page that is mapped above 4 GiB.
  static let high: Range<UInt64> = 0x1_0000_0000..<0x1_0020_0000

  static let ranges: [Range<UInt64>] = [
    0..<0xa_0000, 0x10_0000..<0x100_0000, 1 << 32..<1 << 32 + 4 << 20,
  ]

  static func converted(_ image: ImageFile, _ more: String...) throws -> String {
    let run = try ProgramRun(["convert", image.path] + more)
    #expect(run.exitCode == 0, "\(run.errors)")
    return run.output
  }

  @Test("The ranges are written, what lies between them is a device, and all of it is proved")
  func roundTrip() throws {
    let image = try Self.core(Self.ranges)
    let text = try Self.converted(image)
    #expect(
      text.contains(
        """

        memory:
          - {base: 0x0, size: 640KiB}
          - {base: 0x10_0000, size: 15MiB}
          - {base: 0x1_0000_0000, size: 4MiB}

        """), "\(text)")
    #expect(text.contains("linear: 0x40_0000, size: 16KiB, rights: rwx, physical: 0x9_c000, page"))
    #expect(
      text.contains("linear: 0x40_4000, size: 16KiB, rights: rwx, physical: 0xa_0000, device: true")
    )
    #expect(text.contains("physical addresses outside of its ranges of memory are devices"))
    let file = try NamedFile(text, suffix: ".yaml")
    let difference = try ProgramRun(["diff", image.path, file.path])
    #expect(difference.output == "0 differences\n")
    let machine = Host.hasKVM ? [] : ["--if-no-kvm", "model"]
    let built = try ProgramRun(
      ["verify", file.path, "--allow-unproved", "fetch-without-memory"] + machine)
    #expect(built.exitCode == (Host.hasKVM ? 0 : 77), "\(built.output)\(built.errors)")
    #expect(built.output.contains("20096 KiB of memory in 3 ranges"), "\(built.output)")
    let model = ["--format", "json", "--kvm-device", "/no/such", "--if-no-kvm", "model"]
    let report = try JSONValue(json: try ProgramRun(["verify", file.path] + model).output)
    #expect(report["built"]?["memory-ranges"] == .integer(3))
    #expect(report["built"]?["memory-bytes"] == .string("0x13a0000"))
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
  }

  @Test("A page across the end of a range has all of its memory")
  func cutPage() throws {
    // The page of 2 MiB from 0xe0_0000 on reaches into what lies behind 16 MiB less 64 KiB.
    let text = try Self.converted(
      try Self.core([0..<0xff_0000, 1 << 32..<1 << 32 + 4 << 20], large: 0xe0_0000))
    #expect(text.contains("- {base: 0x0, size: 16MiB}\n"), "\(text)")
    #expect(text.contains("physical: 0xe0_0000, page: 2MiB"))
  }

  @Test("Room for tables is added behind all memory where everything is mapped")
  func room() throws {
    let ranges = [0x1000..<0x9000, 0x9_c000..<0xa_0000, 0x10_0000..<0x10_8000, Self.high]
    let text = try Self.converted(try Self.core(ranges))
    // The page above 4 GiB and 28 frames behind it; the eight below 0x9000 would not be enough.
    #expect(text.contains("- {base: 0x1_0000_0000, size: 2160KiB}\n"), "\(text)")
  }

  @Test("A size of one's own, more ranges than a file has, and a stripped image are one range")
  func single() throws {
    let image = try Self.core(Self.ranges)
    #expect(try Self.converted(image, "--memory", "8GiB").contains("\nmemory: 8GiB\n"))
    let stripped = try Self.core([0..<0x9000, 1 << 24..<1 << 24 + 0x1000])
    #expect(try Self.converted(stripped).contains("\nmemory: "))
    // Of a hundred ranges the nearest are joined.
    var many: [Range<UInt64>] = [Self.high]
    for index in 0..<UInt64(100) {
      let base = index * 0x20_0000
      many.append(base..<base + 0x10_0000 + index * 0x1000)
    }
    let text = try Self.converted(try Self.core(many))
    #expect(text.split(separator: "\n").count { $0.hasPrefix("  - {base:") } <= 64, "\(text)")
    let file = try NamedFile(text, suffix: ".yaml")
    #expect(try ProgramRun(["check", file.path]).exitCode == 0)
  }
}
