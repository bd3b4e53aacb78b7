// ForeignFormat: files that hold memory in a form that is not read, or no memory at all.

/// A format that a file is recognised to have, and that is no image of memory as it is read here.
///
/// The bytes of such a file are no memory at any address: read as raw memory they would be answered
/// for, and every answer would be wrong.
public enum ForeignFormat: String, CaseIterable, Hashable, Sendable {
  /// Linux's kdump in makedumpfile's compressed form.
  case kdump
  /// The same as makedumpfile's stream.
  case flattenedKdump = "kdump-flattened"
  /// A dump by the kernel module LiME.
  case lime
  /// A crash dump of Windows.
  case windowsDump = "windows-dump"
  /// A minidump of a Windows process.
  case minidump
  /// The state of a VMware machine (`.vmss`, `.vmsn`), whose memory stands in a file of its own.
  case vmwareState = "vmware-state"
  /// The state of a VirtualBox machine.
  case virtualBoxState = "virtualbox-state"
  /// A stream of QEMU's migration, as `savevm` and `migrate` write it.
  case qemuMigration = "qemu-migration"
  /// A disk in QEMU's format.
  case qcow2
  /// A disk of VMware.
  case vmdk
  /// A disk of Hyper-V.
  case vhdx
  /// Compressed by gzip.
  case gzip
  /// Compressed by xz.
  case xz
  /// Compressed by Zstandard.
  case zstd
  /// Compressed by bzip2.
  case bzip2
  /// Compressed by lz4.
  case lz4
  /// Compressed by lzop.
  case lzop
  /// A ZIP archive.
  case zip
  /// A tar archive.
  case tar
  /// A guest image in the IGVM format.
  case igvm
  /// A kernel for the Linux boot protocol, such as a bzImage.
  case linuxKernel = "linux-kernel"
  /// A file of Apple's linker, a core among them.
  case machO = "mach-o"
  /// A disc image in the ISO 9660 format.
  case iso9660
  /// Text, such as a listing or an address-space file.
  case text

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
  /// Sources: makedumpfile's IMPLEMENTATION and its README for the flattened format; LiME's README;
  /// Microsoft's DUMP_HEADER64 and MINIDUMP_HEADER; QEMU's docs/interop/qcow2.rst and
  /// migration/savevm.c; RFC 1952, the .xz format, RFC 8878, the LZ4 frame format, APPNOTE.TXT;
  /// VirtualBox's SSM.cpp; Microsoft's IGVM definitions; the VHDX specification.
  private static let signatures: [(format: ForeignFormat, bytes: [UInt8])] = [
    (.kdump, Array("KDUMP   ".utf8)), (.kdump, Array("DISKDUMP".utf8)),
    (.flattenedKdump, Array("makedumpfile".utf8)), (.lime, Array("EMiL".utf8)),
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

extension ForeignFormat {
  /// What the file is, behind "it is".
  public var words: String {
    switch self {
    case .kdump: "a compressed kdump of Linux"
    case .flattenedKdump: "a kdump in makedumpfile's flattened format"
    case .lime: "a LiME dump"
    case .windowsDump: "a crash dump of Windows"
    case .minidump: "a minidump of a Windows process"
    case .vmwareState: "the saved state of a VMware machine"
    case .virtualBoxState: "the saved state of a VirtualBox machine"
    case .qemuMigration: "a migration stream of QEMU"
    case .qcow2: "a disk image (qcow2)"
    case .vmdk: "a disk image (VMDK)"
    case .vhdx: "a disk image (VHDX)"
    case .gzip: "compressed by gzip"
    case .xz: "compressed by xz"
    case .zstd: "compressed by Zstandard"
    case .bzip2: "compressed by bzip2"
    case .lz4: "compressed by lz4"
    case .lzop: "compressed by lzop"
    case .zip: "a ZIP archive"
    case .tar: "a tar archive"
    case .igvm: "an IGVM file"
    case .linuxKernel: "a Linux kernel, and not the memory of one that runs"
    case .machO: "a Mach-O file"
    case .iso9660: "a disc image (ISO 9660)"
    case .text: "text"
    }
  }

  /// How to get an image of memory out of it.
  public var conversion: String {
    switch self {
    case .kdump:
      "write an ELF core instead: dump-guest-memory without -z, -l and -s in QEMU, or makedumpfile -E"
    case .flattenedKdump:
      "put it together (makedumpfile -R vmcore < FILE), then as an ELF core: makedumpfile -E vmcore OUT"
    case .lime:
      "load LiME with format=padded and pass --base 0, or write the ranges to an ELF core"
    case .windowsDump: "dump the machine's memory with QEMU's dump-guest-memory, without -w"
    case .minidump: "dump the memory of the machine, in QEMU with dump-guest-memory"
    case .vmwareState: "read the memory beside it: the .vmem file of the same name, with --cr3"
    case .virtualBoxState:
      "write a core of the machine: VBoxManage debugvm NAME dumpvmcore --filename OUT"
    case .qemuMigration:
      "load it (qemu -incoming, or loadvm), and there: dump-guest-memory OUT"
    case .qcow2, .vmdk, .vhdx, .iso9660:
      "start the machine, and dump its memory: dump-guest-memory OUT in QEMU"
    case .gzip: "unpack it: gzip -dc FILE > OUT"
    case .xz: "unpack it: xz -dc FILE > OUT"
    case .zstd: "unpack it: zstd -dc FILE > OUT"
    case .bzip2: "unpack it: bzip2 -dc FILE > OUT"
    case .lz4: "unpack it: lz4 -dc FILE > OUT"
    case .lzop: "unpack it: lzop -dc FILE > OUT"
    case .zip: "unpack it: unzip FILE"
    case .tar: "unpack it: tar -xf FILE"
    case .igvm, .linuxKernel:
      "start it, and dump the machine's memory: dump-guest-memory OUT in QEMU"
    case .machO: "dump the memory of the machine as an ELF core"
    case .text:
      "listings and address-space files are read by diff and by verify --expect; this has to be memory"
    }
  }
}
