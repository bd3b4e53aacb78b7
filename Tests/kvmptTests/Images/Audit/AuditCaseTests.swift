// What people asked about their tables, and what an audit has to tell them.

import MMU
import TestImages
import TestSupport
import Testing

@testable import kvmpt

@Suite("An audit tells people what their tables do")
struct AuditCaseTests {
  /// A kernel in the upper half: text, constants and data.
  static func kernel(root: UInt64) -> TableImage {
    var image = TableImage(root: root)
    let start: UInt64 = 0xffff_ffff_8000_0000
    for page in 0..<16 as Range<UInt64> {
      image.map(start + page << 12, to: 0x20_0000 + page << 12, .present)
    }
    for page in 0..<8 as Range<UInt64> {
      image.map(
        start + 0x1_0000 + page << 12, to: 0x21_0000 + page << 12, [.present, .noExecute])
    }
    for page in 0..<16 as Range<UInt64> {
      image.map(
        start + 0x1_8000 + page << 12, to: 0x21_8000 + page << 12,
        [.present, .writable, .noExecute])
    }
    return image
  }

  /// The findings of a core that holds the tables and nothing else, as lines of text.
  static func audit(
    _ image: TableImage, cr0: UInt64 = 0x8005_0033, _ options: [String] = []
  ) throws -> ProgramRun {
    let file = ImageFile()
    try image.writeCore(
      to: file.path, ranges: [image.root..<image.nextTable], cr0: cr0, cr4: 0x20,
      registers: [0x88: 0xffff_ffff_8000_0040, 0xa0: 0xaf9b00, 0x98: 8])
    return try ProgramRun(["audit", file.path] + options)
  }

  @Test("Words of all ones are overwritten and no tables, and the leaf leads beyond memory")
  func wildStore() throws {
    var image = Self.kernel(root: 0xb_0000)
    for page in 0..<64 as Range<UInt64> {
      image.map(0x40_0000 + page << 12, to: 0x60_0000 + page << 12, [.present, .user])
    }
    image.set(.max, at: 16, of: 0xb_6000)
    image.set(.max, at: 2, of: 0xb_4000)
    image.set(.max, at: 300, of: 0xb_0000)
    let run = try Self.audit(image)
    #expect(run.exitCode == 1)
    let ones = run.output.split(separator: "\n").filter { $0.contains("all ones") }
    #expect(
      ones.map { $0.dropFirst(2).prefix { $0 != "," } } == [
        "0x8000_0000 to 0xbfff_ffff", "0xffff_9600_0000_0000 to 0xffff_967f_ffff_ffff",
        "0x41_0000 to 0x41_0fff", "0x41_0000 to 0x41_0fff",
      ] || ones.count == 3, "\(run.output)")
    #expect(ones.allSatisfy { $0.contains("all ones: overwritten, not a table") })
    #expect(run.output.contains("warning: a leaf leads beyond all memory [leaf-beyond-memory]\n"))
    #expect(
      run.output.contains(
        "  0x41_0000 to 0x41_0fff, physical 0xf_ffff_ffff_f000, PTE at 0xb_6080, all ones"))
  }

  @Test("While CR0.WP is clear, read-only pages can be written at CPL 0, and text is not safe")
  func writeProtectOff() throws {
    var image = Self.kernel(root: 0xd_0000)
    for page in 0..<4 as Range<UInt64> {
      image.map(0x40_0000 + page << 12, to: 0x60_0000 + page << 12, [.present, .user])
    }
    let run = try Self.audit(image, cr0: 0x8000_0011)
    #expect(run.exitCode == 1)
    let text = """
      warning: CR0.WP is clear: read-only pages can be written at CPL 0 [write-protect-off]
        0x40_0000 to 0x40_3fff, physical 0x60_0000, PTE at 0xd_6000, 4 entries
        0xffff_ffff_8000_0000 to 0xffff_ffff_8001_7fff, physical 0x20_0000, PTE at 0xd_3000, 24 entries
      """
    #expect(run.output.contains(text), "\(run.output)")
    // What dump shows as rwx is writable and executable for an audit, too.
    #expect(run.output.contains("  0xffff_ffff_8000_0000 to 0xffff_ffff_8000_ffff, physical"))
    #expect(try Self.audit(image).exitCode == 0)
    #expect(try Self.audit(image, ["--wp", "off"]).output.contains(text))
    #expect(try Self.audit(image, cr0: 0x8000_0011, ["--wp", "on"]).exitCode == 0)
  }

  @Test("An inverted entry is no finding, and the one beside it has its own physical address")
  func inverted() throws {
    var image = TableImage(root: 0x1c_0000)
    image.map(0x40_0000, to: 0x60_0000, [.present, .user])
    image.map(0x40_1000, to: 0x60_1000, [.present, .user])
    image.set(0x000f_ffff_ffa2_2960, at: 2, of: 0x1c_3000)
    image.set(0x60_3004, at: 3, of: 0x1c_3000)
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: [0x1c_0000..<0x1c_4000])
    let run = try ProgramRun(["audit", file.path])
    #expect(run.exitCode == 1)
    #expect(
      run.output.hasSuffix(
        """
        [not-present-with-address]
          0x40_3000 to 0x40_3fff, physical 0x60_3000, PTE at 0x1c_3018
        0 errors, 1 warning, 0 notes in 4 tables

        """), "\(run.output)")
  }

  @Test("A guard page that the direct map maps again is an alias; the text it maps is a finding")
  func guardPage() throws {
    var image = Self.kernel(root: 0xf_0000)
    for page in 0..<32 as Range<UInt64> {
      image.map(
        0xffff_8000_0000_0000 + page << 21, to: page << 21, [.present, .writable, .noExecute],
        level: 2)
    }
    for page in 1...4 as ClosedRange<UInt64> {
      image.map(
        0xffff_d000_0000_0000 + page << 12, to: 0x100_0000 + page << 12,
        [.present, .writable, .noExecute])
    }
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: [0xf_0000..<image.nextTable])
    let aliases = try ProgramRun(["aliases", file.path])
    #expect(
      aliases.output.contains(
        "0x100_1000, 16 KiB: 0xffff_8000_0100_1000 rw-|--- and 0xffff_d000_0000_1000 rw-|---"),
      "\(aliases.output)")
    #expect(
      aliases.output.contains(
        "guard 0xffff_d000_0000_0000, not mapped below 0xffff_d000_0000_1000: the memory before,"
          + " 0x100_0000, is mapped at 0xffff_8000_0100_0000 rw-|---\n"), "\(aliases.output)")
    #expect(aliases.output.hasSuffix(", 1 guard mapped elsewhere\n"))
    let json = try JSONValue(json: ProgramRun(["aliases", file.path, "--format", "json"]).output)
    #expect(json["guards"]?.elements.map { $0["linear"] } == [.string("0xffffd00000000000")])
    #expect(json["guards"]?.elements.first?["mapped-at"] == .string("0xffff800001000000"))
    let audit = try Self.audit(image)
    #expect(
      audit.output.contains(
        "  0xffff_ffff_8000_0000 to 0xffff_ffff_8000_ffff, physical 0x20_0000, also at 0xffff_8000_0020_0000\n"
      ), "\(audit.output)")
  }

  @Test("A list that accepts two ranges does not hide the third way to the same pages")
  func allowList() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x1_0000, [.present, .writable])
    // The page table of 0x40_0000 serves 0xa0_0000 as well, and a page directory serves again.
    let link = image.tables[0x3000]?[2] ?? 0
    image.set(link, at: 5, of: 0x3000)
    image.set(image.tables[0x2000]?[0] ?? 0, at: 7, of: 0x2000)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    let places: [UInt64] = [0x40_0000, 0xa0_0000, 7 << 30 + 0x40_0000, 7 << 30 + 0xa0_0000]
    for left in places + [0] {
      let list = try TemporaryFile(
        places.filter { $0 != left }.map {
          "writable-and-executable 0x\(String($0, radix: 16))-0x\(String($0 + 4095, radix: 16)) ok\n"
        }.joined())
      let run = try ProgramRun(["audit", file.path, "--cr3", "0x1000", "--allow", list.path])
      #expect(run.exitCode == (left == 0 ? 0 : 1), "\(run.output)")
    }
  }

  @Test(
    "What dump shows as writable and executable is what audit finds so, on a kernel and shared tables",
    arguments: ["on", "off"])
  func seesWhatDumpSees(_ writeProtect: String) throws {
    var shared = TableImage()
    shared.map(0x40_0000, to: 0x1_0000, [.present, .writable, .user])
    shared.map(0x40_2000, to: 0x1_2000, [.present, .user])
    for index in [3, 9, 300] {
      shared.set((shared.tables[0x1000]?[0] ?? 0) & ~(index == 9 ? 2 : 0), at: index, of: 0x1000)
    }
    let file = ImageFile()
    try shared.writeRaw(to: file.path, byteCount: 1 << 20)
    for image in [[LinuxCaseTests.core], [file.path, "--cr3", "0x1000"]] {
      let options = image + ["--wp", writeProtect, "--smep", "off", "--smap", "off"]
      let listing = try ProgramRun(["dump"] + options + ["--format", "jsonl"]).output
      var shown: [[UInt64]] = []
      for line in listing.split(separator: "\n") {
        let run = try JSONValue(json: String(line))
        let rights = [run["rights"]?["cpl0"]?.text, run["rights"]?["cpl3"]?.text]
        guard rights.contains("rwx") else { continue }
        let first = try Self.number(run["linear"])
        let size: UInt64 = run["page"] == .string("2MiB") ? 2 << 20 : 4096
        for page in 0..<(try Self.number(run["bytes"]) / size) {
          shown.append([first + page * size, first + page * size + (size - 1)])
        }
      }
      let report = try JSONValue(
        json: ProgramRun(["audit"] + options + ["--format", "json"]).output)
      let found = try (report["findings"]?.elements ?? []).filter {
        $0["rule"] == .string("writable-and-executable")
      }.map { [try Self.number($0["linear"]), try Self.number($0["bytes"])] }
      // Each page is in exactly one finding, and the findings have no other.
      #expect(!shown.isEmpty)
      for page in shown {
        #expect(found.count { $0[0] <= page[0] && page[1] <= $0[0] + ($0[1] - 1) } == 1)
      }
      #expect(
        found.reduce(0) { $0 + $1[1] } == shown.reduce(0) { $0 + ($1[1] - $1[0] + 1) })
    }
  }

  private static func number(_ value: JSONValue?) throws -> UInt64 {
    let text = try #require(value?.text)
    return try NumberText.parse(text, allowsUnit: false)
  }
}
