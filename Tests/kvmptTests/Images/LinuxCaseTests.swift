// The tables of a Linux kernel right after boot, as QEMU dumped and listed them.

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
      (["dump", "\(PackageFiles.root)/README.md"], 64, "--cr3"),
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
