// Listings of other tools: what their lines say, and what is no line of theirs.

import GuestMem
import MMU
import Probe
import TestImages
import Testing

@testable import kvmpt

@Suite("Listings are read as their tools mean them")
struct ListingTests {
  static func read(
    _ text: String, beside neighbour: (UInt64) -> ListingNeighbour? = { _ in nil }
  ) throws -> [AskedRange] {
    let bytes = Array(text.utf8)
    let kind = try #require(ListingText.kind(of: bytes))
    return try ListingText.read(
      bytes, kind, pageAttributeTable: PATArgument.linux, beside: neighbour
    ).ranges
  }

  static func page(_ range: AskedRange) throws -> PageStatement {
    guard case .mapped(let page) = range.content else { throw Missing() }
    return page
  }
  struct Missing: Error {}

  @Test("A ptdump's rights are the leaves' own, its holes are not mapped")
  func ptdump() throws {
    let ranges = try Self.read(
      """
      ---[ Low Kernel Mapping ]---
      0xffff888000000000-0xffff888000098000         608K     RW                 GLB NX pte
      0xffff888000098000-0xffff88800009a000           8K USR ro PWT PCD     PAT     x  pte
      0xffff88800009a000-0xffff888000200000        1432K                               pte
      0xffff888000200000-0xffff888000400000           2M     RW PWT     PSE     GLB NX pmd
      0xffff888040000000-0x0000000000000000           1G     ro         PSE         NX pud
      """)
    #expect(ranges.map(\.first).map { $0 & 0xffff_ffff } == [0, 0x98000, 0x20_0000, 0x4000_0000])
    #expect(ranges[3].last == .max)
    let pages = try ranges.map(Self.page)
    #expect(pages.allSatisfy { $0.basis == .leaf && $0.isAccessed == nil && $0.isDirty == nil })
    #expect(pages.map(\.isWritable) == [true, false, true, false])
    #expect(pages.map(\.isExecutable) == [false, true, false, false])
    #expect(pages.map(\.isUser) == [false, true, false, false])
    #expect(pages.map(\.isGlobal) == [true, false, true, false])
    #expect(pages.map(\.pageSize) == [.size4KiB, .size4KiB, .size2MiB, .size1GiB])
    // Linux: WB, WC, UC-, UC, WB, WP, UC-, WT. The PAT bit of large pages is not shown.
    #expect(pages.map(\.patIndices) == [0x11, 0x80, 0x22, 0x11])
  }

  @Test("What the kernel leaves out is unsaid up to the next line, and not unmapped")
  func skippedEntries() throws {
    let ranges = try Self.read(
      """
      ---[ ESPfix Area ]---
      0xffffff0000000000-0xffffff0000001000           4K     ro                 GLB NX pte
      ... 16371 entries skipped ...
      ---[ EFI Runtime Services ]---
      0xffffffef00000000-0xfffffffec0000000          63G                               pud
      0xfffffffec0000000-0xfffffffec0001000           4K     RW                     NX pte
      ... 1 entry skipped ...
      """)
    #expect(
      ranges.filter { $0.content == .unsaid }.map { [$0.first, $0.last] } == [
        [0xffff_ff00_0000_1000, 0xffff_ffee_ffff_ffff], [0xffff_fffe_c000_1000, .max],
      ])
    var base = ComparedPages.base
    base.pages = Array(base.pages.prefix(1))
    let image = try base.file(.image)
    // The four small pages are in the gap.
    let full = try ComparedPages.base.file(.image)
    let listing = try TemporaryFile(
      "0x40000000-0x40200000 2048K RW PSE NX pmd\n... 3 entries skipped ...\n"
        + "0x50200000-0x50400000 2048K pmd\n")
    let run = try ProgramRun(["diff", full.path, listing.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
    #expect(
      run.output.contains("not compared: 0x4020_0000 to 0x501f_ffff, which b leaves out\n"))
    #expect(!run.output.contains("the right to write"), "\(run.output)")
    let json = try JSONValue(
      json: ProgramRun(
        ["diff", listing.path, image.path, "--cr3", "0x1000", "--format", "json"]
      ).output)
    #expect(json["unsaid"]?.elements.first?["side"] == .string("a"))
    #expect(json["unsaid"]?.elements.first?["last"] == .string("0x501fffff"))
  }

  @Test("Each letter of info tlb is read; without the PAT bit two memory types are possible")
  func tlb() throws {
    let ranges = try Self.read(
      """
      (qemu) info tlb
      0000000000001000: 0000000000005000 -G-DA-T-W
      0000000000002000: 0000000000006000 X----C-U-\r
      0000000000200000: 0000000000400000 --P-A----
      """)
    let pages = try ranges.map(Self.page)
    #expect(pages.map(\.physicalAddress) == [0x5000, 0x6000, 0x40_0000])
    #expect(pages.map(\.isGlobal) == [true, false, false])
    #expect(pages.map(\.isDirty) == [true, false, false])
    #expect(pages.map(\.isAccessed) == [true, false, true])
    #expect(pages.map(\.isExecutable) == [true, false, true])
    #expect(pages.map(\.isUser) == [false, true, false])
    #expect(pages.map(\.isWritable) == [true, false, false])
    #expect(pages.map(\.pageSize) == [.size4KiB, .size4KiB, .size2MiB])
    #expect(pages.map(\.patIndices) == [0x22, 0x44, 0x11])
    #expect(pages.allSatisfy { $0.basis == .leaf && $0.protectionKey == nil })
  }

  @Test("A large page is 1 GiB only where the next line leaves room and the other side has one")
  func gibibytePages() throws {
    let lines = """
      0000000040000000: 0000000080000000 --P-----W
      0000000080000000: 00000000c0000000 --P-----W
      0000000080200000: 00000000c0200000 --P-----W
      0000000100000000: 0000000100000000 --P-----W
      """
    func sizes(_ size: PageSize) throws -> [PageSize?] {
      try Self.read(lines) { _ in ListingNeighbour(physical: nil, size: size) }
        .map { try Self.page($0).pageSize }
    }
    #expect(try sizes(.size1GiB) == [.size1GiB, .size2MiB, .size1GiB])
    #expect(try sizes(.size2MiB) == [.size2MiB, .size2MiB, .size2MiB])
    // By the program: the listing of an image does not differ from it, with either size.
    for size in [PageSize.size1GiB, .size2MiB] {
      var pages = ComparedPages.base
      pages.pages = [0, 1, 5].map {
        ComparedPage(linear: $0 << 30, physical: (8 + $0) << 30, size: size)
      }
      for (first, second) in [
        (SourceKind.image, SourceKind.tlb), (.tlb, .image), (.file, .tlb), (.tlb, .ptdump),
      ] {
        let run = try DiffPropertyTests.report(pages.file(first), pages.file(second))
        #expect(run.exitCode == 0, "\(first), \(second), \(size): \(run.json)")
        var fewer = pages
        fewer.pages[1].isWritable = false
        let wrong = try DiffPropertyTests.report(pages.file(first), fewer.file(second))
        #expect(DiffPropertyTests.properties(wrong.json) == ["write"])
      }
    }
  }

  @Test("A large page at a line is one of 2 MiB where the next line is nearer than 1 GiB")
  func nearLines() throws {
    for next in [0x4000_0000, 0x4000_1000, 0x7fff_f000, 0x8000_0000] as [UInt64] {
      let line = String(next, radix: 16)
      let padded = String(repeating: "0", count: 16 - line.count) + line
      let ranges = try Self.read(
        "0000000040000000: 0000000040000000 --PDA---W\n\(padded): 0000000000001000 ---DA---W\n",
        beside: { $0 == 0x4000_0000 ? ListingNeighbour(size: .size1GiB) : nil })
      let first = try #require(ranges.first { $0.first == 0x4000_0000 })
      let size: PageSize = next < 0x8000_0000 ? .size2MiB : .size1GiB
      #expect(try Self.page(first).pageSize == size, "\(line)")
    }
  }

  @Test("Bits 51:50 of an address, which info tlb cuts off, are no difference")
  func longAddresses() throws {
    var pages = ComparedPages.base
    pages.pages[1].physical |= 1 << 51
    let image = try pages.file(.image)
    let listing = try pages.file(.tlb)
    #expect(try DiffPropertyTests.report(image, listing).exitCode == 0)
    let dump = try ProgramRun(["dump", image.path, "--cr3", "0x1000", "--format", "tlb"])
    #expect(dump.output == (listing.owner as? TemporaryFile).map { try? $0.text() })
  }

  @Test("The PAT bit of a small page is not taken for P")
  func patOfSmallPages() throws {
    var pages = ComparedPages.base
    pages.pages[1].patIndex = 5
    let image = try pages.file(.image)
    let run = try ProgramRun(["dump", image.path, "--cr3", "0x1000", "--format", "tlb"])
    #expect(run.output.contains("0000000050000000: 0000000090000000 X---A-T-W\n"))
  }

  @Test(
    "A line that is none is named with its number, and nothing is dropped",
    arguments: [
      ("0000000000001000: 0000000000005000 -G-DA-T-W\nhello\n", "line 2: 'hello'"),
      ("0000000000001000: 0000000000005000 -G-DA-T-W\n0000000000002000: 00000000", "line 2"),
      ("0000000000001000: 0000000000005000 -GPDA-T-W\n", "no multiple of 2 MiB"),
      ("0000000000001000: 0000000000005010 -G-DA-T-W\n", "no multiple of 4 KiB"),
      ("---[ User Space ]---\n0000000000001000: 0000000000005000 -G-DA-T-W\n", "line 2"),
      ("0x1000-0x2000 4K RW NX pte\n0x2000-0x3000 4K RW ENC NX pte\n", "'ENC'"),
      ("0x1000-0x2000 4K RW NX pte\n... and more\n", "line 2"),
      ("0x1000-0x2100 4K RW NX pte\n", "inside of a page"),
    ])
  func badLines(_ text: String, _ words: String) throws {
    let listing = try TemporaryFile(text)
    let image = try ComparedPages.base.file(.image)
    let run = try ProgramRun(["diff", listing.path, image.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains(words) && run.errors.contains("hint: "), "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test("What is no listing is none")
  func others() {
    for text in ["hello\n", "", "\n\n", "(qemu) info tlb\n"] {
      #expect(ListingText.kind(of: Array(text.utf8)) == nil)
    }
  }

  @Test(
    "Where the other side has no large page, the step tells 1 GiB, and otherwise nothing is said")
  func gibibytesByStep() throws {
    let lines = """
      0000000040000000: 0000000080000000 --P-A---W
      0000000080000000: 00000000c0000000 --PDA---W
      0000000100000000: 0000000100000000 --P-----W
      0000000140000000: 0000000100000000 --P-----W
      """
    for neighbour in [nil, ListingNeighbour(physical: nil, size: .size4KiB)] {
      let ranges = try Self.read(lines) { _ in neighbour }
      let firsts: [UInt64] = [
        0x4000_0000, 0x8000_0000, 0x1_0000_0000, 0x1_0020_0000, 0x1_4000_0000, 0x1_4020_0000,
      ]
      let lasts: [UInt64] = [
        0x7fff_ffff, 0xbfff_ffff, 0x1_001f_ffff, 0x1_3fff_ffff, 0x1_401f_ffff, 0x1_7fff_ffff,
      ]
      #expect(ranges.map(\.first) == firsts && ranges.map(\.last) == lasts)
      #expect(try ranges.prefix(2).map { try Self.page($0).pageSize } == [.size1GiB, .size1GiB])
      #expect(try Self.page(ranges[2]).pageSize == nil && ranges[3].content == .unsaid)
      #expect(try Self.page(ranges[4]).pageSize == nil && ranges[5].content == .unsaid)
    }
    // One difference, and not a false one: what the line would map with 1 GiB is not compared.
    var pages = ComparedPages.base
    pages.pages = [ComparedPage(linear: 4 << 30, physical: 4 << 30, size: .size4KiB)]
    let image = try pages.file(.image)
    let listing = try TemporaryFile("0000000100000000: 0000000100000000 --P-----W\n")
    let run = try ProgramRun(["diff", image.path, listing.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 1)
    #expect(
      run.output.contains("not compared: 0x1_0020_0000 to 0x1_3fff_ffff, which b leaves out\n"),
      "\(run.output)")
  }

  @Test("A listing of 2 MiB and 1 GiB pages of a direct map does not differ from its image")
  func gibibyteListing() throws {
    var image = TableImage(root: 0x19_0000)
    let start: UInt64 = 0xffff_8880_0000_0000
    let bits: TableImage.Bits = [.present, .writable, .noExecute, TableImage.Bits(rawValue: 0x160)]
    var lines = ""
    for page in 0..<32 as Range<UInt64> {
      image.map(start + page << 21, to: page << 21, bits, level: 2)
      let digits = String(page << 21, radix: 16)
      let padding = String(repeating: "0", count: 16 - digits.count)
      lines += "\(String(start + page << 21, radix: 16)): \(padding)\(digits) XGPDA---W\n"
    }
    image.map(start + 1 << 30, to: 1 << 30, bits, level: 3)
    lines += "ffff888040000000: 0000000040000000 XGPDA---W\n"
    let core = ImageFile()
    try image.writeCore(to: core.path, ranges: [0x19_0000..<0x19_3000])
    let listing = try TemporaryFile(lines)
    let run = try ProgramRun(["diff", core.path, listing.path])
    #expect(run.exitCode == 0 && run.output.hasSuffix("\n0 differences\n"), "\(run.output)")
    let proof = try ProgramRun([
      "verify", core.path, "--expect", listing.path, "--if-no-kvm", "model", "--kvm-device", "/no",
    ])
    #expect(proof.exitCode == 77 && !proof.output.contains("disagree"), "\(proof.output)")
  }

  @Test(
    "A copy of ptdump from a kernel log is read without its time stamps",
    arguments: [
      "[    0.017000] ", "<6>[    0.017000] ", "[Sun Nov 29 18:00:00 2026] ",
      "Nov 29 18:00:00 host kernel: [    0.017000] ", "2026-11-29T18:00:00+00:00 host kernel: ",
    ])
  func kernelLogs(_ stamp: String) throws {
    let lines = [
      "---[ User Space ]---",
      "0x0000000000000000-0x0000000000400000           4M                               pmd",
      "0x0000000000400000-0x0000000000404000          16K USR RW                     x  pte",
      "0x0000000000404000-0x0000000000600000        2032K                               pte",
      "---[ High Kernel Mapping ]---",
      "0xffffffff80000000-0xffffffff80008000          32K     ro                     x  pte",
    ]
    let plain = try Self.read(lines.joined(separator: "\n"))
    #expect(plain.map(\.first) == [0x40_0000, 0xffff_ffff_8000_0000])
    #expect(try Self.read(lines.map { stamp + $0 }.joined(separator: "\r\n")) == plain)
  }

  @Test(
    "Listings that say too little are refused by the name of their tool",
    arguments: [
      (
        "0000000000400000-0000000000404000 0000000000004000 urw\n"
          + "ffffffff80000000-ffffffff80008000 0000000000008000 -r-\n", "QEMU's info mem",
        "info tlb"
      ),
      (
        "             Address :         Length | Permissions\n"
          + "            0x400000 :         0x4000 | W:1 X:1 S:0 UC:0 WB:1\n",
        "the output of gdb-pt-dump", "dump-guest-memory"
      ),
      (
        "            0x400000 :         0x4000 | W:1 X:1 S:0 UC:0 WB:1\n",
        "the output of gdb-pt-dump", "dump-guest-memory"
      ),
    ])
  func foreignListings(_ text: String, _ tool: String, _ cure: String) throws {
    let listing = try TemporaryFile(text)
    let image = try ComparedPages.base.file(.image)
    for arguments in [
      ["diff", image.path, listing.path, "--cr3", "0x1000"],
      ["verify", image.path, "--cr3", "0x1000", "--expect", listing.path],
    ] {
      let run = try ProgramRun(arguments)
      #expect(run.exitCode == 65 && run.output.isEmpty)
      #expect(run.errors.contains("is \(tool), which is not compared"), "\(run.errors)")
      #expect(run.errors.contains("hint: ") && run.errors.contains(cure), "\(run.errors)")
    }
    let dump = try ProgramRun(["dump", listing.path, "--cr3", "0x1000"])
    #expect(dump.exitCode == 65 && dump.output.isEmpty)
    #expect(dump.errors.contains("is not a memory image: it is \(tool) [text]"), "\(dump.errors)")
    #expect(dump.errors.contains(cure), "\(dump.errors)")
  }

  @Test(
    "A text where an image has to be is refused by its name",
    arguments: [
      ("0000000000001000: 0000000000005000 -G-DA-T-W\n", "", "QEMU's info tlb"),
      ("[    0.017] ---[ User Space ]---\n", "", "Linux's ptdump"),
      ("memory: 8MiB\nmappings: []\n", ".yaml", "an address-space file"),
      ("hello\n", "", "text"),
    ])
  func texts(_ text: String, _ suffix: String, _ words: String) throws {
    let file = try TemporaryFile(text, suffix: suffix)
    let run = try ProgramRun(["dump", file.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 65 && run.output.isEmpty)
    #expect(run.errors.contains("is not a memory image: it is \(words) [text]"), "\(run.errors)")
    #expect(run.errors.contains("hint: "))
  }
}
