// Files that are no memory are recognised, and memory is not taken for one of them.

import MMU
import TestSupport
import Testing

@testable import Inspection

@Suite("A file that is no image of memory is known by its format")
struct ForeignFormatTests {
  /// The beginning of a file of each format.
  static let heads: [(ForeignFormat, [UInt8])] = [
    (.diskdump, Array("DISKDUMP\u{6}".utf8)), (.windowsDump, Array("PAGEDU64\u{f}".utf8)),
    (.windowsDump, Array("PAGEDUMP\u{f}".utf8)),
    (.minidump, Array("MDMP\u{0}".utf8)), (.vmwareState, [0xd0, 0xbe, 0xd2, 0xbe, 8]),
    (.vmwareState, [0xd1, 0xba, 0xd1, 0xba, 8]), (.vmwareState, [0xd2, 0xbe, 0xd2, 0xbe, 8]),
    (.vmwareState, [0xd3, 0xbe, 0xd3, 0xbe, 8]),
    (.virtualBoxState, Array("\u{7f}VirtualBox SavedState V2.0\n\0".utf8)),
    (.qemuMigration, Array("QEVM\0\0\0\u{3}".utf8)), (.qcow2, [0x51, 0x46, 0x49, 0xfb, 0]),
    (.vmdk, Array("KDMV\u{1}".utf8)), (.vhdx, Array("vhdxfile\0".utf8)),
    (.gzip, [0x1f, 0x8b, 8]), (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]),
    (.zstd, [0x28, 0xb5, 0x2f, 0xfd, 4]), (.bzip2, Array("BZh91AY\0".utf8)),
    (.lz4, [0x04, 0x22, 0x4d, 0x18, 0x64]), (.lzop, [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a]),
    (.zip, [0x50, 0x4b, 3, 4, 20, 0]), (.igvm, Array("IGVM\u{1}\0".utf8)),
    (.machO, [0xcf, 0xfa, 0xed, 0xfe, 7]), (.machO, [0xca, 0xfe, 0xba, 0xbe, 0]),
    (.linuxKernel, [UInt8](repeating: 0, count: 0x202) + Array("HdrS\0".utf8)),
    (.tar, [UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8)),
    (.iso9660, [UInt8](repeating: 0, count: 0x8001) + Array("CD001\0".utf8)),
    (.text, Array("memory: 64MiB\nmappings: []\n".utf8)),
    (.text, Array("\u{feff}äöü → \t\u{1b}[0m\r\n".utf8)), (.text, Array("{}".utf8)),
    (.text, Array(String(repeating: "0x0000 4K RW → pte\n", count: 1000).utf8)),
  ]

  private static func error(_ bytes: [UInt8]) -> MemoryImageError? {
    do throws(MemoryImageError) {
      _ = try Inspection.MemoryImage(bytes: bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test("Each format by its first bytes, whatever follows them")
  func recognised() {
    #expect(Set(Self.heads.map(\.0)) == Set(ForeignFormat.allCases))
    for (format, head) in Self.heads {
      #expect(Self.error(head) == .foreignFormat(format), "\(format)")
      if format == .text { continue }
      let whole = head + [UInt8](repeating: 0, count: 0x9000)
      #expect(Self.error(whole) == .foreignFormat(format), "\(format)")
    }
  }

  @Test("Bytes that differ in one bit of what tells a format are raw memory")
  func nearly() {
    for (format, head) in Self.heads where format != .text {
      let words = [
        "HdrS\0", "ustar\0", "CD001\0",
      ].first { head.count > 200 && head.suffix($0.utf8.count).elementsEqual($0.utf8) }
      let start = head.count - (words?.utf8.count ?? head.count)
      for bit in [0, 3, 7] {
        var other = head + [UInt8](repeating: 0, count: 64)
        other[start + 1] ^= 1 << UInt8(bit)
        #expect(Self.error(other) == nil, "\(format) \(bit)")
      }
    }
  }

  @Test("Memory is no text as long as one byte of its first page is none")
  func memory() {
    let line = Array("page tables\n".utf8)
    let page = Array((0..<400).flatMap { _ in line }.prefix(4096))
    #expect(Self.error(page + [0, 0]) == .foreignFormat(.text))
    for (place, byte) in [(0, 0), (4095, 0), (2000, 0x7f), (17, 0x01), (300, 0xff)]
      as [(Int, UInt8)]
    {
      var other = page
      other[place] = byte
      #expect(Self.error(other) == nil, "\(place)")
    }
    // One word is memory, and so is a page without lines.
    #expect(Self.error([0x41]) == nil)
    #expect(Self.error([UInt8](repeating: 0x41, count: 5000)) == nil)
    // A character that is cut by the end of what is looked at.
    #expect(Self.error(Array(page.dropLast(1)) + Array("äa".utf8)) == .foreignFormat(.text))
  }

  @Test("Whoever says where the bytes lie has them read as they are, and every format has its cure")
  func override() throws {
    for (format, head) in Self.heads {
      let image = try Inspection.MemoryImage(
        bytes: head + [UInt8](repeating: 0, count: 8),
        reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
      #expect(image.format == .raw)
      let error = MemoryImageError.foreignFormat(format)
      #expect(error.id == format.rawValue && error.message == "it is \(format.words)")
      #expect(error.hint.hasPrefix(format.conversion) && !format.conversion.isEmpty)
    }
    let names = ForeignFormat.allCases.map(\.rawValue)
    #expect(Set(names).count == names.count)
    #expect(Set(ForeignFormat.allCases.map(\.words)).count == names.count)
  }
}
