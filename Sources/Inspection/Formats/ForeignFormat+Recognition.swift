// ForeignFormat: how a file is known.

extension ForeignFormat {
  /// The format of a file, or nil where nothing is recognised.
  ///
  /// - Complexity: reads at most 4 KiB.
  init?(_ file: borrowing FileBytes) {
    let start = (0..<UInt64(min(file.count, 4096))).compactMap { file.load(UInt8.self, at: $0) }
    if let signature = Self.signatures.first(where: { start.starts(with: $0.bytes) }) {
      self = signature.format
      return
    }
    for (format, offset, words) in Self.inside {
      let bytes = Array(words.utf8)
      let found = bytes.indices.allSatisfy {
        file.load(UInt8.self, at: offset + UInt64($0)) == bytes[$0]
      }
      guard found else { continue }
      self = format
      return
    }
    guard Self.isText(start, isWhole: file.count <= 4096) else { return nil }
    self = .text
  }

  /// The first bytes of a file, by format.
  ///
  /// Sources: makedumpfile's IMPLEMENTATION;
  /// Microsoft's DUMP_HEADER64 and MINIDUMP_HEADER; QEMU's docs/interop/qcow2.rst and
  /// migration/savevm.c; RFC 1952, the .xz format, RFC 8878, the LZ4 frame format, APPNOTE.TXT;
  /// VirtualBox's SSM.cpp; Microsoft's IGVM definitions; the VHDX specification.
  private static let signatures: [(format: ForeignFormat, bytes: [UInt8])] = [
    (.diskdump, Array("DISKDUMP".utf8)),
    (.windowsDump, Array("PAGEDU64".utf8)), (.windowsDump, Array("PAGEDUMP".utf8)),
    (.minidump, Array("MDMP".utf8)),
    (.vmwareState, [0xd0, 0xbe, 0xd2, 0xbe]), (.vmwareState, [0xd1, 0xba, 0xd1, 0xba]),
    (.vmwareState, [0xd2, 0xbe, 0xd2, 0xbe]), (.vmwareState, [0xd3, 0xbe, 0xd3, 0xbe]),
    (.virtualBoxState, [0x7f] + Array("VirtualBox SavedState".utf8)),
    (.qemuMigration, Array("QEVM".utf8)), (.qcow2, Array("QFI".utf8) + [0xfb]),
    (.vmdk, Array("KDMV".utf8)), (.vhdx, Array("vhdxfile".utf8)),
    (.gzip, [0x1f, 0x8b]), (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    (.zstd, [0x28, 0xb5, 0x2f, 0xfd]), (.bzip2, Array("BZh".utf8)),
    (.lz4, [0x04, 0x22, 0x4d, 0x18]), (.lzop, [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a]),
    (.zip, [0x50, 0x4b, 3, 4]), (.igvm, Array("IGVM".utf8)),
    (.machO, [0xcf, 0xfa, 0xed, 0xfe]), (.machO, [0xca, 0xfe, 0xba, 0xbe]),
  ]

  /// What stands further inside, after what may be anything.
  ///
  /// Sources: Linux's Documentation/arch/x86/boot.rst; POSIX, pax, ustar; ECMA-119.
  private static let inside: [(format: ForeignFormat, offset: UInt64, words: String)] = [
    (.linuxKernel, 0x202, "HdrS"), (.tar, 257, "ustar"), (.iso9660, 0x8001, "CD001"),
  ]

  /// True when the beginning of a file is lines of text, some of it readable.
  ///
  /// Memory has a 0 somewhere in its first page, or bytes that are no text.
  private static func isText(_ bytes: [UInt8], isWhole: Bool) -> Bool {
    guard bytes.count >= 2 else { return false }
    let isReadable = bytes.allSatisfy {
      $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d || $0 == 0x1b
    }
    guard isReadable, bytes.contains(0x0a) || isWhole else { return false }
    // Of what was cut in the middle of a character, the rest counts.
    return String(validating: bytes.dropLast(isWhole ? 0 : 3), as: UTF8.self) != nil
      || String(validating: bytes, as: UTF8.self) != nil
  }
}
