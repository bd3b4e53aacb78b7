// ForeignFormat: files that hold memory in a form that is not read, or no memory at all.

/// A format that a file is recognised to have, and that is no image of memory as it is read here.
///
/// The bytes of such a file are no memory at any address: read as raw memory they would be answered
/// for, and every answer would be wrong.
public enum ForeignFormat: String, CaseIterable, Hashable, Sendable {
  /// A dump by Linux's diskdump, which came before kdump.
  case diskdump
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
}

extension ForeignFormat {
  /// What the file is, behind "it is".
  public var words: String {
    switch self {
    case .diskdump: "a diskdump of an old Linux"
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
    case .diskdump: "dump the memory as an ELF core: dump-guest-memory in QEMU"
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
