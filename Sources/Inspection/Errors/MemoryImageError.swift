// MemoryImageError: why a file is not an image of memory.

/// The reason a memory image could not be opened.
public enum MemoryImageError: Error, Hashable, Sendable {
  /// The host refused to open or read the file, with this `errno`.
  case unreadable(errorNumber: Int32)
  /// The path is a pipe or a device: an image is read at many places.
  case notAFile
  /// The host has no memory for the places of a file of so many bytes.
  case tooLarge(byteCount: UInt64, errorNumber: Int32)
  /// The file became shorter while it was read: bytes that it had when it was opened are gone.
  case shortened(byteCount: UInt64, openedByteCount: UInt64)
  /// The file has no bytes.
  case empty
  /// The file is an ELF file, but not a little-endian 64-bit x86-64 one.
  case wrongMachine(elfClass: UInt8, machine: UInt16)
  /// The file is an ELF file, but not a core; `type` is its `e_type`.
  case notACore(type: UInt16)
  /// The ELF header or the table of program headers does not fit into the file.
  case headersOutsideFile(byteCount: UInt64)
  /// The size of a program header is not 56.
  case wrongHeaderSize(UInt16)
  /// There are more program headers than 2^20.
  case tooManySegments(UInt64)
  /// The bytes of a segment do not all lie inside the file.
  case segmentOutsideFile(index: Int, offset: UInt64, byteCount: UInt64, fileByteCount: UInt64)
  /// There are more notes than 2^20.
  case tooManyNotes
  /// A segment ends beyond the 52 bits of a physical address.
  case segmentTooHigh(index: Int, physicalAddress: UInt64, byteCount: UInt64)
  /// A note ends outside its segment.
  case noteOutsideSegment(offset: UInt64)
  /// The file has no bytes of memory.
  case noMemory
  /// Every segment has the physical address 0: the core of a process.
  case noPhysicalAddresses(segmentCount: Int)
  /// The base address of a raw image is misaligned, or the image ends beyond 52 bits.
  case invalidBase(UInt64)
  /// The file is of a format that holds no memory as it is read here.
  case foreignFormat(ForeignFormat)
  /// What stands at an offset of the file cannot be true in its format.
  case damaged(format: String, offset: UInt64, reason: String)
  /// A page is compressed in a way that is not read.
  case unsupportedCompression(name: String)
  /// What memory was read from is gone, or refuses.
  case lostSource(reason: String)
  /// Two pieces of memory hold the same physical addresses.
  case overlappingPieces(UInt64, UInt64)
  /// A piece is misaligned, has no bytes, lies outside its file, or ends beyond 52 bits.
  case invalidPiece(index: Int, reason: String)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .unreadable: "unreadable"
    case .notAFile: "not-a-file"
    case .tooLarge: "image-too-large"
    case .shortened: "shortened"
    case .empty: "empty-image"
    case .wrongMachine: "wrong-machine"
    case .notACore: "not-a-core"
    case .headersOutsideFile: "headers-outside-file"
    case .wrongHeaderSize: "wrong-header-size"
    case .tooManySegments: "too-many-segments"
    case .tooManyNotes: "too-many-notes"
    case .segmentOutsideFile: "segment-outside-file"
    case .segmentTooHigh: "segment-too-high"
    case .noteOutsideSegment: "note-outside-segment"
    case .noMemory: "no-memory"
    case .noPhysicalAddresses: "no-physical-addresses"
    case .invalidBase: "invalid-base"
    case .foreignFormat(let format): format.rawValue
    case .damaged: "damaged-image"
    case .unsupportedCompression: "unsupported-compression"
    case .lostSource: "lost-source"
    case .overlappingPieces: "overlapping-pieces"
    case .invalidPiece: "invalid-piece"
    }
  }

  /// What is wrong, in lower case and without a full stop.
  public var message: String {
    switch self {
    case .unreadable(let errorNumber): "the file cannot be read (errno \(errorNumber))"
    case .notAFile: "it is a pipe or a device, and has to be a file"
    case .tooLarge(let byteCount, let errorNumber):
      "a file of \(byteCount) bytes is more than this process can read (errno \(errorNumber))"
    case .shortened(let byteCount, let opened):
      "the file became shorter while it was read: from \(opened) bytes to \(byteCount) or less"
    case .empty: "the file is empty"
    case .wrongMachine(_, machine: 3):
      "it is the core of a guest in 32-bit mode, whose tables are those of 32-bit or PAE paging"
    case .wrongMachine(let elfClass, let machine):
      "the ELF file is of class \(elfClass) and machine \(machine), not 64-bit x86-64"
    case .notACore(let type): "the ELF file has type \(type), not that of a core (4)"
    case .headersOutsideFile(let byteCount):
      "the ELF headers do not fit into the file's \(byteCount) bytes"
    case .wrongHeaderSize(let size): "a program header has \(size) bytes instead of 56"
    case .tooManySegments(let count): "the ELF file has \(count) program headers"
    case .tooManyNotes: "the ELF file has more than 1048576 notes"
    case .segmentOutsideFile(let index, let offset, let byteCount, let fileByteCount):
      "program header \(index) takes \(byteCount) bytes from offset \(offset) on, and the file has "
        + "\(fileByteCount)"
    case .segmentTooHigh(let index, let physicalAddress, let byteCount):
      "program header \(index) puts \(byteCount) bytes at physical address "
        + "0x\(String(physicalAddress, radix: 16)), beyond 52 bits"
    case .noteOutsideSegment(let offset):
      "the note at offset \(offset) of the file ends outside its segment"
    case .noMemory: "the ELF file has no segment with bytes of memory"
    case .noPhysicalAddresses(let count):
      "all \(count) segments of the core have the physical address 0"
    case .invalidBase(let base):
      "a raw image cannot start at physical address 0x\(String(base, radix: 16))"
    case .foreignFormat(let format): "it is \(format.words)"
    case .damaged(let format, let offset, let reason):
      "it is a \(format), and at offset \(offset) \(reason)"
    case .unsupportedCompression(let name): "a page of the kdump is compressed by \(name)"
    case .lostSource(let reason): "its memory cannot be read any more: \(reason)"
    case .overlappingPieces(let first, let second):
      "the pieces at physical addresses 0x\(String(first, radix: 16)) and "
        + "0x\(String(second, radix: 16)) overlap"
    case .invalidPiece(let index, let reason): "piece \(index + 1) \(reason)"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .unreadable: "name a file that can be read"
    case .notAFile: "copy what it gives to a file, and name that"
    case .tooLarge: "raise the limits of this process (ulimit -v)"
    case .shortened: "wait until it is complete, or read a copy"
    case .empty: "dump the memory again"
    case .wrongMachine(_, machine: 3):
      "kvmpt reads the tables of 64-bit mode: dump the memory when the guest has entered it"
    case .wrongMachine: "dump the memory of an x86-64 guest in 64-bit mode"
    case .notACore: "use QEMU's dump-guest-memory, or pass --base to read the bytes as they are"
    case .headersOutsideFile, .segmentOutsideFile: "the file was cut off: dump the memory again"
    case .wrongHeaderSize, .tooManySegments, .tooManyNotes, .segmentTooHigh, .noteOutsideSegment:
      "the headers are damaged: dump the memory again"
    case .noMemory: "dump the memory again, without filters"
    case .noPhysicalAddresses:
      "that is the core of a process; dump the memory of the machine, in QEMU without -p"
    case .invalidBase: "give a multiple of 8 so that the image ends below 2^52"
    case .damaged: "the file was cut off or damaged: dump the memory again"
    case .unsupportedCompression:
      "write it with zlib (dump-guest-memory -z, makedumpfile -c), or as an ELF core"
    case .lostSource: "see whether the machine still runs"
    case .overlappingPieces: "give each range of memory once"
    case .invalidPiece: "a piece is GPA=FILE[@OFFSET][+SIZE], with multiples of 8"
    case .foreignFormat(let format): "\(format.conversion); --base reads any bytes as raw memory"
    }
  }
}
