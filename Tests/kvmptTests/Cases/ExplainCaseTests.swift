// Situations that people reported about paging code, rebuilt as small images: what each must be told.

import TestImages
import Testing

@testable import kvmpt

@Suite("What people ran into is explained as it was")
struct ExplainCaseTests {
  /// A run and what its report says and must not say.
  struct Case: CustomTestStringConvertible, Sendable {
    let words: String
    var exitCode: Int32 = 1
    let says: [String]
    var saysNot: [String] = []

    var testDescription: String { words }
  }

  static let cases: [Case] = [
    Case(
      words: "explain 01-maxphyaddr.core --error-code 0xb --cr2 0xffffc90000041000", exitCode: 0,
      says: [
        "fits if MAXPHYADDR is at most 41, such as 39 or 40", "QEMU's phys-bits",
        "bit 41 is set in the PTE at 0x3408208", "assumed: MAXPHYADDR 52, 1 GiB pages, NXE",
      ], saysNot: ["TLB", "NXE is clear", "WP NXE"]),
    Case(
      words: "explain 03-1gib-page.raw --cr3 0x2000 --cr2 0x0 --error-code 0x9", exitCode: 0,
      says: ["fits if the processor has no 1 GiB pages (--1gib-pages off)"],
      saysNot: ["TLB", "5 levels"]),
    Case(
      words: "explain 04-recursive.core 0xff7f80002000",
      says: [
        "the address is not canonical", "0xffffff7f80002000 was meant",
        "there, bit 0 (P) is clear in the PTE at 0x104010",
      ]),
    Case(
      words: "explain 04-recursive.core 0xff7f80000123",
      says: ["change: use 0xffffff7f80000123", "reaches physical 0x105123"]),
    Case(
      words: "explain 06-pti-poison.core --access fetch --cpl 0",
      says: [
        "bit 63 (XD) is set in the PML4E at 0x50007f0",
        "change, if physical 0x4001000 was meant: clear bit 63 (XD) in the PML4E",
        "2 other pages get rights that their own entries give",
      ], saysNot: ["in the PTE at"]),
    Case(
      words: "explain 06-pti-poison.core",
      says: ["fetch at CPL 0: #PF, error code 0x11", "note: CR2 0x7f1234561a40"]),
    Case(
      words: "explain 09-apic-not-covered.core",
      says: [
        "0x280_fee0_00f0", "bit 0 (P) is clear in the PDPTE at 0x34018",
        "the map below it, 0x28000000000 to 0x2801fffffff to physical 0x0, ends at 0x28020000000",
      ], saysNot: ["change:"]),
    Case(
      words: "walk 10-pat-bits.core 0xffffa00000000000", exitCode: 0,
      says: [
        "PS PAT XD, page 0xfd00_0000", "PAT 1, PCD 0, PWT 0 choose entry 4 of IA32_PAT",
        "bit 12 is PAT here and no part of the address", "memory type WB",
      ]),
    Case(
      words: "explain 11-stale-tlb.core --error-code 0x4",
      says: [
        "read at CPL 3: success at physical 0x70_3000", "the address is mapped now",
        "they have changed since, or the TLB held an older translation",
      ]),
    Case(words: "walk 13-five-levels.core 0x1000", exitCode: 0, says: ["5 levels, WP", "PML5E"]),
    Case(
      words: "walk 14-pcid.core 0x400000 --cr3 0x80806", exitCode: 0,
      says: ["CR3 0x80806 from --cr3 (the root is 0x80000, the PCID 0x806)", "0x60_0000"]),
    Case(
      words: "explain 15-stack-read-only.core --error-code 0x3", exitCode: 0,
      says: [
        "write at CPL 0: #PF, error code 0x3", "0xffff_8000_fff0_efd8",
        "bit 1 (R/W) is clear in the PTE at 0x96870", "RIP 0xffffffff80000200",
        "tried on a copy: the access reaches physical 0x30efd8, and no other mapping changes",
      ]),
    Case(
      words: "explain 15-stack-read-only.core",
      says: ["write is the first that fails of read, write and fetch", "bit 1 (R/W) is clear"]),
    Case(
      words: "explain 17-wild-store.core",
      says: ["is 0xffffffffffffffff, all bytes the same", "it was overwritten and is no entry"],
      saysNot: ["change:"]),
    Case(
      words: "explain 17-wild-store.core 0x410000", exitCode: 0,
      says: ["the PTE at 0xb6080", "it was overwritten and is no entry"], saysNot: ["change:"]),
    Case(
      words: "explain 20-32-bit.core 0x0", exitCode: 65,
      says: ["the core of a guest in 32-bit mode, whose tables are those of 32-bit or PAE paging"],
      saysNot: ["class"]),
    Case(
      words: "explain 22-misaligned-2mib.core",
      says: [
        "bits 18, 14 are set in the PDE at 0xe5000", "the frame was meant for a PTE",
        "the base of the map is 0x44000 off", "would map 0x7000000, which is other memory",
      ], saysNot: ["change:"]),
    Case(
      words: "explain 23-guard.core 0xffffd00000000ff8 --access write",
      says: [
        "physical 0x1000000, is mapped at 0xffff800001000000", "begins at 0xffffd00000001000",
      ], saysNot: ["change:"]),
    Case(
      words: "explain 24-parent-without-u.core",
      says: [
        "fetch at CPL 3", "clear in the PML4E at 0x140000", "clear in the PDPTE at 0x144000",
        "clear in the PDE at 0x145010", "3 other pages get rights that their own entries give",
      ]),
    Case(
      words: "explain 25-above-4gib.core",
      says: ["the identity map below it, 0x0 to 0xffffffff to physical 0x0, ends at 0x100000000"],
      saysNot: ["change:"]),
    Case(
      words: "explain 27-smap.core --error-code 0x1", exitCode: 0,
      says: ["CR4.SMAP is set", "was meant: set EFLAGS.AC around the access"],
      saysNot: ["clear CR4.SMAP", "clear bit 2"]),
    Case(words: "explain 27-smap.core --error-code 0x47", says: ["has SS"], saysNot: ["TLB held"]),
    Case(
      words: "explain 27-smap.core --error-code 0x8007", says: ["has SGX"], saysNot: ["TLB held"]),
    Case(
      words: "explain 27-smap.core --error-code 0x80000007", says: ["has RMP"],
      saysNot: ["TLB held"]),
  ]

  /// The words of a run, its image with its path.
  static func arguments(_ situation: Case) -> [String] {
    situation.words.split(separator: " ").map(String.init).map { word in
      word.hasSuffix(".core") || word.hasSuffix(".raw")
        ? "\(PackageFiles.root)/Tests/kvmptTests/Fixtures/cases/\(word)" : word
    }
  }

  @Test("Each situation", arguments: cases)
  func each(_ situation: Case) throws {
    let run = try ProgramRun(Self.arguments(situation))
    #expect(run.exitCode == situation.exitCode)
    let text = run.output + run.errors
    for words in situation.says { #expect(text.contains(words), "\(words)\nin\n\(text)") }
    for words in situation.saysNot { #expect(!text.contains(words), "\(words)\nin\n\(text)") }
  }

  @Test("What was meant decides: its cure is printed, and a fault that was meant has none")
  func expected() throws {
    let core = "\(PackageFiles.root)/Tests/kvmptTests/Fixtures/cases/23-guard.core"
    let mapped = try TemporaryFile(
      "memory: 64MiB\nmappings:\n  - {name: stack, linear: 0xffff_d000_0000_0000, "
        + "physical: 0x100_0000, size: 20KiB, rights: rw-}\n", suffix: ".yaml")
    let arguments = ["explain", core, "0xffffd00000000ff8", "--access", "write", "--expect"]
    let cured = try ProgramRun(arguments + [mapped.path])
    #expect(cured.output.contains("change: put 0x8000000001000003 in the PTE at 0xf8000"))
    #expect(cured.output.contains("the access reaches physical 0x1000ff8"))
    let guarded = try TemporaryFile(
      "memory: 64MiB\nmappings:\n  - {name: stack, linear: 0xffff_d000_0000_1000, "
        + "physical: 0x100_1000, size: 16KiB, rights: rw-}\n", suffix: ".yaml")
    let meant = try ProgramRun(arguments + [guarded.path])
    #expect(meant.output.contains("maps nothing here, so that a fault is what was meant"))
    #expect(!meant.output.contains("change:"))
  }

  @Test("An entry at another index, the other root of a pair and a physical address are seen")
  func looks() throws {
    var image = TableImage()
    for index in 0..<8 as Range<UInt64> {
      image.map(0x40_0000 + index * 0x1000, to: 0x60_0000 + index * 0x1000, [.present, .writable])
    }
    // PML4, PDPT, PD and PT follow one another.
    let pageTable: UInt64 = 0x4000
    let entry = image.tables[pageTable]?[3] ?? 0
    image.set(0, at: 3, of: pageTable)
    image.set(entry, at: 77, of: pageTable)
    // The other half of a pair of roots maps what this one lacks; nothing links it.
    var pair = TableImage(root: 0x1_1000)
    pair.nextTable = 0x1_4000
    pair.map(0x7f00_0000_0000, to: 0x60_0000, [.present, .user])
    for (frame, words) in pair.tables {
      for (index, word) in words.enumerated() { image.set(word, at: index, of: frame) }
    }
    image.set(0x1_7007, at: 1, of: 0x1_0000)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 0x2_0000)
    func explain(_ words: String) throws -> String {
      try ProgramRun(["explain", file.path] + words.split(separator: " ").map(String.init)).output
    }
    #expect(
      try explain("0x403000 --cr3 0x1000").contains("PTE[77] holds what PTE[3] should"))
    #expect(try explain("0x604000 --cr3 0x1000").contains("a linear address was meant?"))
    #expect(
      try explain("0x7f0000000000 --cr3 0x10000").contains(
        "change: load CR3 with 0x11000, the other root of the pair"))
  }

  @Test(
    "Raw tables of five levels that are read as four are noticed; others are not",
    arguments: [4, 5])
  func levels(_ levels: Int) throws {
    for leaf in [1, 2] {
      var image = TableImage(levels: levels)
      let size: UInt64 = leaf == 1 ? 0x1000 : 0x20_0000
      for index in 0..<32 as Range<UInt64> {
        image.map(index * size, to: index * size, [.present, .writable], level: leaf)
      }
      let file = ImageFile()
      try image.writeRaw(to: file.path, byteCount: 0x2_0000)
      let run = try ProgramRun(["walk", file.path, "--cr3", "0x1000", "0x1000"])
      #expect(run.output.contains("assumed: 4 levels"))
      #expect(run.output.contains("the tables look like 5: --levels 5") == (levels == 5))
      // With large pages both readings give the same code.
      guard leaf == 1 else { continue }
      let fault = try ProgramRun(
        ["explain", file.path, "--cr3", "0x1000", "--cr2", "0x1000", "--error-code", "0x5"])
      #expect(fault.exitCode == 0)
      #expect(
        fault.output.contains("fits if the tables have 5 levels (--levels 5)") == (levels == 5))
    }
  }
}
