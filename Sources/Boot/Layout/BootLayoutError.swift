// BootLayoutError: why a kernel cannot be put into memory.

package import GuestMem
import MMU

/// The reason a kernel could not be put into memory, or be given tables.
package enum BootLayoutError: Error, Hashable, Sendable {
  /// The size of RAM is none that a guest can have.
  case invalidMemorySize(UInt64)
  /// The command line has a NUL or more than 2047 bytes.
  case invalidCommandLine(byteCount: Int)
  /// A segment does not lie in RAM, or where the host's own pages begin.
  case segmentOutsideMemory(index: Int, physicalAddress: UInt64, byteCount: UInt64, limit: UInt64)
  /// Two segments want the same physical memory.
  case segmentsShareMemory(Int, Int, physicalAddress: UInt64)
  /// Linear and physical address of a segment differ in their offset in a page.
  case misalignedSegment(index: Int, linearAddress: UInt64, physicalAddress: UInt64)
  /// Two segments with other rights share a page.
  case segmentsSharePage(Int, Int, linearAddress: UInt64, String, String)
  /// Two segments share a page of linear addresses and not of physical ones.
  case segmentsTearPage(Int, Int, linearAddress: UInt64)
  /// A segment wants linear addresses that kvmpt uses.
  case segmentInReservedRange(index: Int, linearAddress: UInt64, String)
  /// No segment holds the entry, or one that may not be executed.
  case entryNotExecutable(UInt64)
  /// The kernel has no PVH note.
  case noPVHEntry
  /// The PVH entry lies in no segment.
  case pvhEntryOutsideSegments(UInt32)
  /// The tables could not be written.
  case tables(PageTableError)
  /// The host did not give the memory.
  case memory(GuestMemoryError)
  /// The books of frames could not be had.
  case frames(FrameAllocationError)

  /// The stable name of the case, the same in every output format.
  package var id: String {
    switch self {
    case .invalidMemorySize: "invalid-memory-size"
    case .invalidCommandLine: "invalid-command-line"
    case .segmentOutsideMemory: "segment-outside-memory"
    case .segmentsShareMemory: "segments-share-memory"
    case .misalignedSegment: "misaligned-segment"
    case .segmentsSharePage: "segments-share-page"
    case .segmentsTearPage: "segments-tear-page"
    case .segmentInReservedRange: "segment-in-reserved-range"
    case .entryNotExecutable: "entry-not-executable"
    case .noPVHEntry: "no-pvh-entry"
    case .pvhEntryOutsideSegments: "pvh-entry-outside-segments"
    case .tables(let error): error.id
    case .memory(let error): error.id
    case .frames(let error): error.id
    }
  }

  /// What is wrong, in lower case and without a full stop.
  package var message: String {
    switch self {
    case .invalidMemorySize(let byteCount): "a guest cannot have \(byteCount) bytes of memory"
    case .invalidCommandLine(let byteCount):
      "a command line of \(byteCount) bytes has a NUL or is too long"
    case .segmentOutsideMemory(let index, let address, let byteCount, let limit):
      "program header \(index) puts \(byteCount) bytes at physical \(hexadecimal(address)), and RAM "
        + "for the kernel ends at \(hexadecimal(limit))"
    case .segmentsShareMemory(let first, let second, let address):
      "program headers \(first) and \(second) both put bytes at physical \(hexadecimal(address))"
    case .misalignedSegment(let index, let linear, let physical):
      "program header \(index) has the linear address \(hexadecimal(linear)) and the physical address "
        + "\(hexadecimal(physical)), which differ in bits 11:0"
    case .segmentsSharePage(let first, let second, let address, let one, let other):
      "program headers \(first) (\(one)) and \(second) (\(other)) share the page at "
        + "\(hexadecimal(address)), which can have the rights of one only"
    case .segmentsTearPage(let first, let second, let address):
      "program headers \(first) and \(second) share the page at \(hexadecimal(address)), and lie in "
        + "different frames"
    case .segmentInReservedRange(let index, let address, let what):
      "program header \(index) puts bytes at \(hexadecimal(address)), where \(what) is"
    case .entryNotExecutable(let entry):
      "the entry \(hexadecimal(entry)) lies in no segment that may be executed"
    case .noPVHEntry: "the kernel has no PVH note, and so no entry without paging"
    case .pvhEntryOutsideSegments(let entry):
      "the PVH entry at physical \(hexadecimal(UInt64(entry))) lies in no segment"
    case .tables(let error): error.message
    case .memory(let error): error.message
    case .frames(let error): error.message
    }
  }

  /// What to do about it.
  package var hint: String {
    switch self {
    case .invalidMemorySize: "give a multiple of 2 MiB from 4 MiB to 3 GiB"
    case .invalidCommandLine: "give at most 2047 bytes"
    case .segmentOutsideMemory:
      "give the guest more memory (--memory), or the segment another physical address (AT in the "
        + "linker script)"
    case .segmentsShareMemory: "give each segment physical addresses of its own (AT)"
    case .misalignedSegment: "let both addresses have the same offset in a page"
    case .segmentsSharePage, .segmentsTearPage:
      "align each segment: . = ALIGN(0x1000) in the linker script"
    case .segmentInReservedRange: "link the kernel at other addresses"
    case .entryNotExecutable: "check ENTRY in the linker script, and the flags of PHDRS (FLAGS(5))"
    case .noPVHEntry:
      "add the note XEN_ELFNOTE_PHYS32_ENTRY, or use --tables program-headers"
    case .pvhEntryOutsideSegments: "put the physical address of the entry into the note"
    case .tables(let error): error.hint
    case .memory(let error): error.hint
    case .frames(let error): error.hint
    }
  }
}
