// LiME dumps, kdumps and flattened files: what was put in is read, and each damage is named.

import MMU
import TestImages
import TestSupport
import Testing

@testable import Inspection

@Suite("Dumps of other programs are read word for word, and damaged ones are refused")
struct DumpFormatTests {
  private static func page(_ seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    // A page that zlib makes smaller, and one that it cannot.
    return (0..<4096).map {
      $0 % 8 < 5 && seed % 2 == 0 ? 0 : UInt8(truncatingIfNeeded: random.next())
    }
  }

  private static func word(_ bytes: [UInt8], _ place: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64($1 * 8) }
  }

  private static func expectPages(
    _ image: borrowing Inspection.MemoryImage, _ pages: [(frame: UInt64, bytes: [UInt8])]
  ) throws {
    var words = [UInt64](repeating: 1, count: 512)
    for page in pages {
      image.loadTable(at: GuestPhysicalAddress(truncating: page.frame << 12), into: &words)
      #expect(words == (0..<512).map { word(page.bytes, $0 * 8) }, "frame \(page.frame)")
    }
    #expect(image.byteCount == UInt64(pages.count) * 4096)
    try image.requireWhole()
  }

  private static func problem(_ bytes: [UInt8]) -> MemoryImageError? {
    do throws(MemoryImageError) {
      let image = try Inspection.MemoryImage(bytes: bytes)
      var words = [UInt64](repeating: 0, count: 512)
      for segment in image.segments { image.loadTable(at: segment.physicalAddress, into: &words) }
      try image.requireWhole()
      return nil
    } catch {
      return error
    }
  }

  static let frames: [UInt64] = [0, 1, 2, 5, 63, 64, 65, 127, 128, 40_000]
  static var pages: [(frame: UInt64, bytes: [UInt8])] { frames.map { ($0, page($0 + 2)) } }

  @Test("A LiME dump has the ranges of its headers")
  func lime() throws {
    let ranges: [(address: UInt64, bytes: [UInt8])] = [
      (0x1000, Self.page(4) + Self.page(5)), (0x8_0000_0000, Self.page(6)), (0x10, [1, 2, 3]),
    ]
    let image = try Inspection.MemoryImage(bytes: DumpBytes.lime(ranges))
    #expect(image.format == .lime && image.processors.isEmpty)
    #expect(image.segments.map(\.physicalAddress.rawValue) == [0x10, 0x1000, 0x8_0000_0000])
    #expect(
      image.loadWord(at: GuestPhysicalAddress(truncating: 0x8_0000_0ff8))
        == Self.word(ranges[1].bytes, 4088))
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x8_0000_1000)) == nil)
  }

  @Test("Each damage to a LiME dump's headers is named with its place")
  func damagedLime() {
    let whole = DumpBytes.lime([(0x1000, Self.page(4)), (0x4000, Self.page(5))])
    let second = 32 + 4096
    func damaged(_ change: (inout [UInt8]) -> Void) -> MemoryImageError? {
      var bytes = whole
      change(&bytes)
      return Self.problem(bytes)
    }
    #expect(Self.problem(whole) == nil)
    #expect(damaged { $0[second] ^= 1 }?.id == "damaged-image")
    #expect(damaged { $0[second + 4] = 2 }?.id == "damaged-image")
    #expect(damaged { $0[second + 22] = 0x20 }?.id == "damaged-image")
    #expect(
      damaged {
        $0[second + 16] = 0; $0[second + 17] = 0
      }?.id == "damaged-image")
    #expect(damaged { $0.removeLast() }?.id == "segment-outside-file")
    #expect(damaged { $0.removeLast(4096 + 1) }?.id == "damaged-image")
    #expect(damaged { $0 += [0] }?.id == "damaged-image")
  }

  @Test(
    "A kdump has the pages of its bitmap, compressed or not",
    arguments: [DumpBytes.Compression.zlib, .none])
  func kdump(_ compression: DumpBytes.Compression) throws {
    for version: UInt64 in [5, 6] {
      let bytes = DumpBytes.kdump(Self.pages, compression: compression, version: version)
      let image = try Inspection.MemoryImage(bytes: bytes)
      #expect(image.format == .kdump)
      try Self.expectPages(image, Self.pages)
      #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x3000)) == nil)
    }
  }

  @Test("A kdump's notes are read: processors, and where the kernel's tables are")
  func kdumpNotes() throws {
    let information = "SYMBOL(swapper_pg_dir)=ffffffff82a10000\nNUMBER(phys_base)=0\n"
    var note = [UInt8](repeating: 0, count: 460)
    DumpFormatTests.put(5, at: 0, &note)
    DumpFormatTests.put(440, at: 4, &note)
    note.replaceSubrange(12..<16, with: Array("QEMU".utf8))
    DumpFormatTests.put(1, at: 20, &note)
    DumpFormatTests.put(440, at: 24, &note)
    DumpFormatTests.put(0x1234_5000, at: 20 + 0x1a0, &note)
    let bytes = DumpBytes.kdump(Self.pages, notes: note, information: information)
    let image = try Inspection.MemoryImage(bytes: bytes)
    #expect(image.processors.map(\.cr3) == [0x1234_5000])
    #expect(image.kernelTables?.rootAddress == 0x2a1_0000)
  }

  private static func put(_ number: UInt32, at place: Int, _ bytes: inout [UInt8]) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: number >> (index * 8)) }
  }

  @Test(
    "Pages that are compressed otherwise are refused by the name of the compression",
    arguments: [
      (DumpBytes.Compression.lzo, "LZO"), (.snappy, "snappy"), (.zstandard, "Zstandard"),
    ])
  func otherCompressions(_ compression: DumpBytes.Compression, _ name: String) {
    let bytes = DumpBytes.kdump(Self.pages, compression: compression)
    #expect(Self.problem(bytes) == .unsupportedCompression(name: name))
  }

  @Test("Each damage to a kdump is named")
  func damagedKdump() {
    let whole = DumpBytes.kdump(Self.pages)
    let descriptors = (2 + 4) * 4096
    func damaged(_ change: (inout [UInt8]) -> Void) -> String? {
      var bytes = whole
      change(&bytes)
      return Self.problem(bytes)?.id
    }
    #expect(damaged { _ in } == nil)
    #expect(damaged { $0[429] = 0x20 } == "damaged-image")
    #expect(damaged { $0[432] = 0 } == "damaged-image")
    #expect(damaged { $0[439] = 1 } == "damaged-image")
    #expect(damaged { $0 = Array($0.prefix(descriptors + 24)) } == "damaged-image")
    #expect(damaged { $0 = Array($0.prefix(300)) } == "damaged-image")
    // The first page: outside the file, of another size, and no stream of zlib.
    #expect(damaged { $0[descriptors + 6] = 1 } == "damaged-image")
    #expect(damaged { $0[descriptors + 9] = 0x40 } == "damaged-image")
    #expect(damaged { $0[descriptors + 12] = 0 } == "damaged-image")
    // The dump was cut off in the page, and the page was left out.
    #expect(damaged { $0[descriptors + 12] = 9 } == "damaged-image")
    #expect(damaged { $0[descriptors + 12] = 0x11 } == "damaged-image")
    let start = descriptors + Self.frames.count * 24
    #expect(damaged { $0[start] ^= 0xff } == "damaged-image")
    #expect(Self.problem(DumpBytes.kdump(Self.pages, isSplit: true))?.id == "damaged-image")
    #expect(Self.problem(DumpBytes.kdump([]))?.id == "no-memory")
    // A header that counts fewer pages than the bitmap has takes none of them away.
    #expect(
      damaged { $0.replaceSubrange(4096 + 96..<4096 + 104, with: [UInt8](repeating: 0, count: 8)) }
        == nil)
  }

  @Test("A flattened file is what its pieces make of it, the last one of each byte")
  func flattened() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let whole = DumpBytes.kdump(Self.pages)
    for round in 0..<40 {
      var pieces: [(offset: UInt64, bytes: [UInt8])] = []
      // What is written over afterwards.
      for _ in 0..<random.index(below: 12) {
        let offset = random.index(below: whole.count)
        let count = 1 + random.index(below: min(5000, whole.count - offset))
        pieces.append((UInt64(offset), [UInt8](repeating: 0xa5, count: count)))
      }
      var cuts = Set((0..<random.index(below: 9)).map { _ in random.index(below: whole.count) })
      cuts.formUnion([0, whole.count])
      let sorted = cuts.sorted()
      var parts = zip(sorted, sorted.dropFirst()).map { (UInt64($0), Array(whole[$0..<$1])) }
      parts.shuffle(using: &random)
      pieces += parts.map { (offset: $0.0, bytes: $0.1) }
      let image = try Inspection.MemoryImage(bytes: DumpBytes.flattened(pieces))
      #expect(image.format == .kdump, "seed \(seed), round \(round)")
      try Self.expectPages(image, Self.pages)
    }
  }

  @Test("A stream without its end, or with a piece that does not fit, is refused")
  func damagedFlattened() {
    let whole = DumpBytes.flattened([(0, DumpBytes.kdump(Self.pages))])
    #expect(Self.problem(whole) == nil)
    for missing in [1, 8, 16, 17, 5000] {
      #expect(Self.problem(Array(whole.dropLast(missing)))?.id == "damaged-image", "\(missing)")
    }
    var other = whole
    other[4096 + 9] = 1
    #expect(Self.problem(other)?.id == "damaged-image")
    other = whole
    other[23] = 2
    #expect(Self.problem(other)?.id == "damaged-image")
  }

  @Test("Raw memory in pieces, from parts of files, with a hole between them")
  func pieces() throws {
    let (low, high) = (ImageFile(), ImageFile())
    var table = TableImage()
    table.map(0x40_0000, to: 0x5000, [.present, .writable])
    try table.writeRaw(to: low.path, byteCount: 0x1_0000)
    try table.writeRaw(to: high.path, byteCount: 0x1_0000)
    let image = try Inspection.MemoryImage(pieces: [
      MemoryPiece(
        physicalAddress: GuestPhysicalAddress(0x1_0000_0000), path: high.path, offset: 0x1000,
        byteCount: 0x2000),
      MemoryPiece(physicalAddress: GuestPhysicalAddress(0), path: low.path),
    ])
    #expect(image.format == .pieces)
    #expect(image.segments.map(\.physicalAddress.rawValue) == [0, 0x1_0000_0000])
    #expect(image.segments.map(\.byteCount) == [0x1_0000, 0x2000])
    for offset: UInt64 in stride(from: 0, to: 0x2000, by: 8) {
      #expect(
        image.loadWord(at: GuestPhysicalAddress(truncating: 0x1_0000_0000 + offset))
          == image.loadWord(at: GuestPhysicalAddress(truncating: 0x1000 + offset)))
    }
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x1_0000_2000)) == nil)
    #expect(image.changedPageCount() == 0)
  }

  @Test("Pieces that overlap, lie outside their file, or are no files are refused by their number")
  func refusedPieces() throws {
    let file = ImageFile()
    try TableImage().writeRaw(to: file.path, byteCount: 0x4000)
    func problem(_ pieces: [MemoryPiece]) -> String? {
      do throws(MemoryImageError) {
        _ = try Inspection.MemoryImage(pieces: pieces)
        return nil
      } catch {
        return "\(error.id): \(error.message)"
      }
    }
    func piece(
      _ address: UInt64, _ offset: UInt64 = 0, _ count: UInt64? = nil, path: String? = nil
    ) -> MemoryPiece {
      MemoryPiece(
        physicalAddress: GuestPhysicalAddress(truncating: address), path: path ?? file.path,
        offset: offset, byteCount: count)
    }
    #expect(problem([piece(0), piece(0x4000)]) == nil)
    #expect(problem([])?.hasPrefix("invalid-piece") == true)
    #expect(
      problem([piece(0x4000), piece(0x3ff8, 0, 16)])?.hasPrefix("overlapping-pieces") == true)
    #expect(
      problem([piece(0), piece(0x8000, 0x4000)])?.hasPrefix("invalid-piece: piece 2") == true)
    #expect(problem([piece(0, 8, 0x4000)])?.hasPrefix("invalid-piece: piece 1") == true)
    #expect(problem([piece(4)])?.contains("aligned") == true)
    #expect(problem([piece(0, 4)])?.contains("aligned") == true)
    #expect(problem([piece(0, 0, 0)])?.hasPrefix("invalid-piece") == true)
    #expect(problem([piece(1 << 52 - 0x1000)])?.contains("52 bits") == true)
    #expect(problem([piece(0, path: "/nonexistent")])?.contains("/nonexistent") == true)
    #expect(problem([piece(0, path: "/dev/null")])?.contains("/dev/null") == true)
  }
}
