// KernelFileError: why a file is not a kernel that can be booted.

package import GuestMem
package import Inspection

/// The reason a kernel's file was refused.
package enum KernelFileError: Error, Hashable, Sendable {
  /// The file cannot be opened or read.
  case file(MemoryImageError)
  /// The file does not begin as an ELF file does.
  case notELF
  /// It is an ELF file, but not a little-endian 64-bit x86-64 one.
  case wrongMachine(elfClass: UInt8, dataEncoding: UInt8, machine: UInt16)
  /// `e_type` is not that of an executable.
  case notExecutable(type: UInt16)
  /// The ELF header, the program headers or what they lead to do not fit into the file.
  case headersOutsideFile(byteCount: UInt64)
  /// The size of a program header is not 56.
  case wrongHeaderSize(UInt16)
  /// There are more than 1024 program headers.
  case tooManySegments(UInt16)
  /// No program header loads anything.
  case noSegments
  /// The bytes of a segment do not all lie inside the file.
  case segmentOutsideFile(index: Int, offset: UInt64, byteCount: UInt64, fileByteCount: UInt64)
  /// A segment has more bytes in the file than in memory.
  case segmentSizes(index: Int, fileByteCount: UInt64, byteCount: UInt64)
  /// A segment has more than 4 GiB.
  case segmentTooLarge(index: Int, byteCount: UInt64)
  /// A segment ends behind the last address.
  case segmentWraps(index: Int, linearAddress: UInt64, byteCount: UInt64)
  /// A segment has addresses that are not canonical.
  case segmentNotCanonical(index: Int, linearAddress: UInt64)
  /// Two segments want the same address.
  case segmentsOverlap(Int, Int, linearAddress: UInt64)
  /// A note ends outside its segment, or there are more than 4096 in one.
  case noteOutsideSegment(offset: UInt64)
  /// The note of the PVH entry holds no 32-bit address.
  case invalidPVHEntry(offset: UInt64, byteCount: UInt32)
  /// The section headers, the symbol table or its names do not fit into the file.
  case symbolsOutsideFile(byteCount: UInt64)
  /// There are more than 2^20 symbols.
  case tooManySymbols(UInt64)

  /// The stable name of the case, the same in every output format.
  package var id: String {
    switch self {
    case .file(let error): error.id
    case .notELF: "not-elf"
    case .wrongMachine: "wrong-machine"
    case .notExecutable: "not-executable"
    case .headersOutsideFile: "headers-outside-file"
    case .wrongHeaderSize: "wrong-header-size"
    case .tooManySegments: "too-many-segments"
    case .noSegments: "no-segments"
    case .segmentOutsideFile: "segment-outside-file"
    case .segmentSizes: "segment-sizes"
    case .segmentTooLarge: "segment-too-large"
    case .segmentWraps: "segment-wraps"
    case .segmentNotCanonical: "segment-not-canonical"
    case .segmentsOverlap: "segments-overlap"
    case .noteOutsideSegment: "note-outside-segment"
    case .invalidPVHEntry: "invalid-pvh-entry"
    case .symbolsOutsideFile: "symbols-outside-file"
    case .tooManySymbols: "too-many-symbols"
    }
  }

  /// What is wrong, in lower case and without a full stop.
  package var message: String {
    switch self {
    case .file(let error): error.message
    case .notELF: "it is not an ELF file"
    case .wrongMachine(let elfClass, let dataEncoding, let machine):
      "the ELF file has class \(elfClass), data encoding \(dataEncoding) and machine \(machine); those of "
        + "64-bit x86-64 are 2, 1 and 62"
    case .notExecutable(3): "the ELF file is position-independent (type 3)"
    case .notExecutable(let type): "the ELF file has type \(type), not that of an executable (2)"
    case .headersOutsideFile(let byteCount):
      "the ELF headers do not fit into the file's \(byteCount) bytes"
    case .wrongHeaderSize(let size): "a program header has \(size) bytes instead of 56"
    case .tooManySegments(let count): "the ELF file has \(count) program headers"
    case .noSegments: "no program header of the ELF file loads anything"
    case .segmentOutsideFile(let index, let offset, let byteCount, let fileByteCount):
      "program header \(index) takes \(byteCount) bytes from offset \(offset) on, and the file has "
        + "\(fileByteCount)"
    case .segmentSizes(let index, let fileByteCount, let byteCount):
      "program header \(index) has \(fileByteCount) bytes in the file and \(byteCount) in memory"
    case .segmentTooLarge(let index, let byteCount):
      "program header \(index) loads \(byteCount) bytes, more than 4 GiB"
    case .segmentWraps(let index, let address, let byteCount):
      "program header \(index) puts \(byteCount) bytes at \(hexadecimal(address)), behind the last "
        + "address"
    case .segmentNotCanonical(let index, let address):
      "program header \(index) puts bytes at \(hexadecimal(address)), not all of whose addresses are "
        + "canonical"
    case .segmentsOverlap(let first, let second, let address):
      "program headers \(first) and \(second) both put bytes at \(hexadecimal(address))"
    case .noteOutsideSegment(let offset):
      "the note at offset \(offset) of the file ends outside its segment"
    case .invalidPVHEntry(let offset, let byteCount):
      "the note of the PVH entry at offset \(offset) holds \(byteCount) bytes that are no 32-bit "
        + "address"
    case .symbolsOutsideFile(let byteCount):
      "the symbol table does not fit into the file's \(byteCount) bytes"
    case .tooManySymbols(let count): "the ELF file has \(count) symbols"
    }
  }

  /// What to do about it.
  package var hint: String {
    switch self {
    case .file(.unreadable), .file(.notAFile): "name a file that can be read"
    case .file: "build the kernel again, and name the file that the linker wrote"
    case .notELF: "name the ELF file that the linker writes, before objcopy makes another of it"
    case .wrongMachine: "link for x86-64 (elf_x86_64)"
    case .notExecutable(1): "link it: an object file has no addresses yet"
    case .notExecutable: "link it at fixed addresses (-no-pie, -static)"
    case .headersOutsideFile, .segmentOutsideFile, .noteOutsideSegment:
      "the file was cut off or damaged: link the kernel again"
    case .symbolsOutsideFile: "the file was cut off or damaged: link it again, or strip it"
    case .wrongHeaderSize, .tooManySegments, .segmentSizes, .tooManySymbols:
      "the headers are damaged: link the kernel again"
    case .noSegments: "give the linker script PHDRS of type PT_LOAD"
    case .segmentTooLarge, .segmentWraps, .segmentNotCanonical:
      "correct the addresses and sizes in the linker script"
    case .segmentsOverlap: "give each section addresses of its own in the linker script"
    case .invalidPVHEntry: "write the entry's physical address as one .long or .quad"
    }
  }
}

/// A number as messages write it.
func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
