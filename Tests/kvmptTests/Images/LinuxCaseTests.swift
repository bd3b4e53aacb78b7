// The tables of a Linux kernel right after boot, as QEMU dumped and listed them.

import GuestMem
import Inspection
import MMU
import TestImages
import Testing

@testable import kvmpt

@Suite("A real Linux core is shown as it is")
struct LinuxCaseTests {
  static let core = "\(PackageFiles.root)/Tests/kvmptTests/Fixtures/linux-6.1-boot-4level.core"
  static let listing = "Tests/kvmptTests/Fixtures/linux-6.1-boot-4level.info-tlb.txt"

  @Test("The leaves' own bits are listed line by line as QEMU's monitor lists them")
  func equalsQEMU() throws {
    let expected = String(decoding: try PackageFiles.bytes(of: Self.listing), as: UTF8.self)
    let run = try ProgramRun(["dump", Self.core, "--format", "tlb"])
    #expect(run.exitCode == 0)
    #expect(run.output == expected)
  }

  @Test("The runs of every format cover the same pages as QEMU's listing")
  func runsCoverListing() throws {
    let lines = try PackageFiles.bytes(of: Self.listing).count { $0 == 0x0a }
    let report = try JSONValue(
      json: ProgramRun(["dump", Self.core, "--format", "json"]).output)
    #expect(report["pages"] == .integer(lines))
    let runs = try ProgramRun(["dump", Self.core, "--format", "jsonl"]).output
      .split(separator: "\n").map { try JSONValue(json: String($0)) }
    #expect(runs == report["mappings"]?.elements)
    #expect(!runs.isEmpty)
  }

  @Test("A filter keeps what it names and nothing else", arguments: ["w,x", "ro", "2m", "uc"])
  func filters(_ words: String) throws {
    let run = try ProgramRun(
      ["dump", Self.core, "--pat", "linux", "--filter", words, "--format", "jsonl"])
    let rights = try run.output.split(separator: "\n").map { line in
      let item = try JSONValue(json: String(line))
      return (item["rights"]?["cpl0"], item["page"], item["memory-type"])
    }
    #expect(!rights.isEmpty)
    for (rights, page, type) in rights {
      switch words {
      case "w,x": #expect(rights == .string("rwx"))
      case "ro": #expect(rights == .string("r--"))
      case "2m": #expect(page == .string("2MiB"))
      default: #expect(type == .string("UC"))
      }
    }
  }

  @Test("The words about addresses and privileges keep what they say")
  func addressFilters() throws {
    func runs(_ words: String) throws -> [(first: UInt64, last: UInt64)] {
      try ProgramRun(["dump", Self.core, "--filter", words, "--format", "jsonl"]).output
        .split(separator: "\n").map { line in
          let item = try JSONValue(json: String(line))
          func number(_ key: String) throws -> UInt64 {
            guard case .string(let text)? = item[key] else { return 0 }
            return try NumberText.parse(text, allowsUnit: false)
          }
          let first = try number("linear")
          return (first, first + (try number("bytes") - 1))
        }
    }
    let text: UInt64 = 0xffff_ffff_8100_0000
    let around = try runs("has:0xffff_ffff_8100_0123")
    #expect(around.count == 1 && around[0].first <= text && text < around[0].last)
    #expect(try runs("before:0xffff_ffff_8100_0000").allSatisfy { $0.first < text })
    #expect(try runs("after:0xffff_ffff_8100_0000").allSatisfy { $0.last > text })
    let inside = try runs("range:0xffff_ffff_8100_0000-0xffff_ffff_810f_ffff,s")
    #expect(!inside.isEmpty && inside.allSatisfy { $0.first <= text + 0xf_ffff && $0.last >= text })
    // Nothing belongs to a user right after boot, so that u keeps nothing and s everything.
    #expect(try runs("u").isEmpty)
    #expect(try runs("s").count == runs("has:0,s").count + runs("after:0").count)
    #expect(try runs("wb,_x,_w,g,4k").count > 0)
  }

  @Test("Every virtual processor of a core has its own root")
  func processors() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .user])
    // The second root is the page behind the first.
    image.set(image.tables[image.root]?[0] ?? 0, at: 1, of: image.root + 4096)
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: [0..<1 << 20], processorCount: 2)
    let first = try ProgramRun(["dump", file.path, "--vcpu", "0"])
    let second = try ProgramRun(["dump", file.path, "--vcpu", "1"])
    #expect(first.output.contains("0000000000400000") || first.output.contains("400000"))
    #expect(first.output != second.output)
    #expect(second.output.contains("QEMU's note about processor 1"))
  }

  @Test("A terabyte by shared tables is shown once, and refused where it would take a line a page")
  func sharedTables() throws {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in 0..<512 {
      image.set(tables[0] | 7, at: index, of: image.root)
      image.set(tables[1] | 7, at: index, of: tables[0])
      image.set(tables[2] | 7, at: index, of: tables[1])
      image.set(0x10_0000 | 7, at: index, of: tables[2])
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    for command in [
      ["dump"], ["dump", "--tree"], ["dump", "--format", "jsonl"], ["audit"], ["stats"],
    ] {
      let run = try ProgramRun(command + [file.path, "--cr3", "0x1000"])
      #expect(run.exitCode <= 1, "\(run.errors)")
      #expect(run.output.utf8.count < 200_000)
    }
    for command in [["dump", "--format", "tlb"], ["aliases"], ["convert"]] {
      let run = try ProgramRun(command + [file.path, "--cr3", "0x1000"])
      #expect(run.exitCode == 65)
      #expect(run.errors.contains("hint: "), "\(run.errors)")
    }
  }

  @Test("A core of 4 GiB is opened as soon as a small one, because it is mapped and not read")
  func largeCore() throws {
    var image = TableImage(root: 0x10_0000)
    image.map(0xffff_8880_0000_0000, to: 0, [.present, .writable], level: 2)
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: [0..<3 << 30, 4 << 30..<5 << 30])
    let small = ImageFile()
    try image.writeCore(to: small.path, ranges: [0..<2 << 20, 4 << 20..<6 << 20])
    // Processor time, and the least of a few tries, because others want the processor, too. One that
    // is read takes a thousand times as long.
    func cost(_ file: ImageFile, _ byteCount: UInt64) throws -> Duration {
      let durations = try (0..<5).map { _ in
        let start = ThreadTime.now
        let opened = try MemoryImage(path: file.path)
        #expect(opened.byteCount == byteCount)
        #expect(opened.loadWord(at: GuestPhysicalAddress(truncating: 0x10_0000)) != nil)
        return ThreadTime.now - start
      }
      return try #require(durations.min())
    }
    #expect(try cost(file, 4 << 30) < cost(small, 4 << 20) * 50)
    let run = try ProgramRun(["walk", file.path, "0xffff_8880_0000_1234"])
    #expect(run.output.contains("physical 0x1234"), "\(run.output)")
  }

  @Test("A walk shows every level and what it found")
  func walks() throws {
    let run = try ProgramRun(["walk", Self.core, "0xffff_ffff_8100_0123"])
    #expect(run.exitCode == 0)
    for word in ["PML4E", "PDPTE", "PDE", "PTE", "physical 0x100_0123"] {
      #expect(run.output.contains(word), "\(run.output)")
    }
    #expect(try ProgramRun(["walk", Self.core, "0x1000"]).exitCode == 1)
  }

  @Test("A fault that a kernel reported is explained by the entry that is to blame")
  func explains() throws {
    let run = try ProgramRun(
      ["explain", Self.core, "--error-code", "0x5", "--cr2", "0xffff_8880_0000_1000"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("bit 2 (U/S) is clear in the PTE"), "\(run.output)")
    #expect(run.output.contains("is the one that these tables give"))
    let other = try ProgramRun(
      ["explain", Self.core, "--error-code", "0x2", "--cr2", "0xffff_8880_0000_1000"])
    #expect(other.exitCode == 1)
    #expect(other.output.contains("is not what these tables give"))
  }

  @Test(
    "What cannot be an image, or has no root, is refused with a cause and a hint",
    arguments: [
      (["dump", "\(PackageFiles.root)/README.md"], 65, "it is text [text]"),
      (["dump", "\(PackageFiles.root)/README.md", "--base", "0x1000"], 64, "--cr3"),
      (["dump", "/no/such/file"], 65, "check the path"),
      (["dump", LinuxCaseTests.core, "--cr3", "0x7000"], 65, "no memory at 0x7000"),
      (["dump", LinuxCaseTests.core, "--vcpu", "4"], 64, "--vcpu counts"),
      (["dump", LinuxCaseTests.core, "--levels", "3"], 64, "4 or 5 levels"),
    ] as [([String], Int32, String)])
  func refuses(_ arguments: [String], _ code: Int32, _ words: String) throws {
    let run = try ProgramRun(arguments)
    #expect(run.exitCode == code)
    #expect(run.errors.contains(words), "\(run.errors)")
    #expect(run.output.isEmpty)
  }
}
