// Listings of other tools: what their lines say, and what is no line of theirs.

import GuestMem
import MMU
import Probe
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
}
