// What a person reads of every error of this module: name, sentence and what to do.

import CLinux
import MMU
import Testing

@testable import GuestMem

/// What all errors of the module have.
private protocol WordedError {
  var id: String { get }
  var message: String { get }
  var hint: String { get }
}

extension EntryError: WordedError {}
extension FrameStateError: WordedError {}
extension FrameAllocationError: WordedError {}
extension GuestMemoryError: WordedError {}
extension AdoptionError: WordedError {}
extension PageTableError: WordedError {}

@Suite("Every error says its name, what happened and what to do, in these words")
struct ErrorWordTests {
  private func expect(_ rows: [(any WordedError, String)]) {
    for (error, words) in rows {
      #expect("\(error.id): \(error.message); \(error.hint)" == words)
    }
    // A name means one thing, however often it is shown.
    #expect(Set(rows.map(\.1)).count == rows.count)
  }

  @Test("Errors of one entry")
  func entries() {
    let thread = ThreadIdentifier(rawValue: 77)
    expect([
      (
        EntryError.indexOutOfRange(512, count: 512),
        "index-out-of-range: a node of 512 entries has no entry 512; use an index below the number"
          + " of entries"
      ),
      (
        EntryError.notCanonical(1 << 50),
        "not-canonical: linear address 0x4000000000000 is not canonical; use an address whose upper"
          + " bits repeat its top bit"
      ),
      (
        EntryError.notOwned(index: 256),
        "not-owned: root entry 256 is not this table's; use the table that owns this half of the"
          + " space"
      ),
      (
        EntryError.levelMismatch(level: .pageDirectory, found: .pageDirectoryPointerTable),
        "level-mismatch: a child of level 3 cannot stand in a PD; put a table one level down, or a"
          + " page of the entry's own size"
      ),
      (
        EntryError.leafUnsupported(level: .pageMapLevel4),
        "leaf-unsupported: a PML4E cannot be a leaf here; use smaller pages"
      ),
      (
        EntryError.invalidPhysicalAddress(0x1000, level: .pageDirectory),
        "invalid-physical-address: a PDE cannot map physical address 0x1000; align the address to"
          + " the size of the page"
      ),
      (
        EntryError.invalidProperties(.unreadable(.write)),
        "unreadable: a page cannot be writable or executable without being readable; add the right"
          + " to read"
      ),
      (
        EntryError.reservedSoftwareBits(0x200),
        "reserved-software-bits: software bits 0x200 tell whether a leaf owns its frames; use the"
          + " other software bits"
      ),
      (
        EntryError.supervisorTable(level: .pageTable),
        "supervisor-table: this PT is reached through a supervisor entry; make the entries above"
          + " user entries first, or use a cursor"
      ),
      (
        EntryError.topLevelRemoval(index: 511),
        "top-level-removal: root entry 511 is shared by other roots; remove what is below the entry"
          + " instead"
      ),
      (
        EntryError.invalidEntry(level: .pageTable, index: 3, entry: 0x80),
        "invalid-entry: entry 3, PTE 0x80, is no valid entry; find out who else writes to the"
          + " tables"
      ),
      (
        EntryError.notUniform(level: .pageTable, index: 7),
        "not-uniform: entry 7 of the PT does not continue entry 0; make all pieces the same first"
      ),
      (
        EntryError.busy(nodeAddress: 0x5000, holder: .thisThread(thread)),
        "busy: the node at 0x5000 is locked by this thread (77); end the guard or cursor of this"
          + " thread that holds it first"
      ),
      (
        EntryError.busy(nodeAddress: 0x5000, holder: .otherThread(thread)),
        "busy: the node at 0x5000 is locked by thread 77; wait longer, or end the guard or cursor"
          + " of that thread; one that has ended left it locked"
      ),
      (
        EntryError.busy(nodeAddress: 0x5000, holder: .nobody),
        "busy: the node at 0x5000 is free again, or promised to a thread that waits for it; try"
          + " again"
      ),
      (
        EntryError.stray(nodeAddress: 0x6000),
        "stray: the node at 0x6000 was unlinked; start again from the root"
      ),
      (
        EntryError.outOfFrames,
        "out-of-frames: no frame is free for a table; give the guest more memory"
      ),
      (
        EntryError.foreignAllocator,
        "foreign-allocator: the allocator is not that of the table's memory; pass the allocator"
          + " that the table was made with"
      ),
    ])
  }

  @Test("Errors of frames, and of the memory that they are in")
  func frames() {
    expect([
      (
        FrameStateError.outOfRange(frame: 0x10),
        "frame-out-of-range: frame 0x10 is outside guest memory; use frames of the memory that the"
          + " metadata is for"
      ),
      (
        FrameStateError.inUse(frame: 0x10, .shared(2)),
        "frame-in-use: frame 0x10 is in use: \(FrameOwnership.shared(2)); wait until the owners are"
          + " gone"
      ),
      (
        FrameStateError.unused(frame: 0x10),
        "frame-unused: nobody owns frame 0x10; allocate the frame first"
      ),
      (
        FrameStateError.busy(frame: 0x10),
        "frame-busy: frame 0x10 is being made or destroyed; try again"
      ),
      (
        FrameStateError.unique(frame: 0x10),
        "frame-unique: frame 0x10 has one owner that does not share it; turn the unique handle into"
          + " a shared one first"
      ),
      (
        FrameStateError.tooManyOwners(frame: 0x10),
        "frame-too-many-owners: frame 0x10 has too many owners; drop handles that are no longer"
          + " needed"
      ),
      (
        FrameStateError.corrupt(frame: 0x10, word: 0x20),
        "frame-metadata-corrupt: the ownership word of frame 0x10 is 0x20; find out who writes to"
          + " the metadata"
      ),
      (
        FrameAllocationError.outOfMemory(byteCount: 8192, alignment: 4096, freeByteCount: 4096),
        "out-of-memory: no free run of 8192 bytes aligned to 4096 is left (4096 bytes are free in"
          + " all); give the guest more memory, or free frames first"
      ),
      (
        FrameAllocationError.invalidSize(byteCount: 1, alignment: 4096),
        "invalid-size: 1 bytes aligned to 4096 is not a run of frames; give a multiple of 4096 and"
          + " an alignment that is a power of 2"
      ),
      (
        FrameAllocationError.invalidRange(start: 0x1000, end: 0x1800),
        "invalid-range: 0x1000 to 0x1800 is not a range of frames of guest memory; give 4 KiB"
          + " aligned addresses below the size of guest memory"
      ),
      (
        FrameAllocationError.inUse(start: 0x1000, end: 0x2000),
        "frame-in-use: part of 0x1000 to 0x2000 is in use already; reserve ranges before frames are"
          + " allocated, and each range once; frames with an owner come back by themselves"
      ),
      (
        FrameAllocationError.alreadyFree(start: 0x1000, end: 0x2000),
        "frame-already-free: part of 0x1000 to 0x2000 is free already; free each run once, with the"
          + " size it was allocated with"
      ),
      (
        FrameAllocationError.metadataRefused(byteCount: 16, errorNumber: 12),
        "metadata-refused: mmap of 16 bytes of frame metadata failed with errno 12; raise the"
          + " limits of this process (ulimit -v) or use less memory"
      ),
      (
        GuestMemoryError.invalidByteCount(1),
        "invalid-byte-count: guest memory cannot have 1 bytes; give a multiple of 4096, at most"
          + " 2^52"
      ),
      (
        GuestMemoryError.misalignedOffset(1),
        "misaligned-offset: offset 1 of the file is not a multiple of 4096; give an offset that"
          + " is a multiple of 4096"
      ),
      (
        GuestMemoryError.fileTooShort(byteCount: 1, needed: 4096),
        "file-too-short: the file has 1 bytes, and 4096 are needed; give a file that has the bytes,"
          + " and let nobody shorten it"
      ),
      (
        GuestMemoryError.invalidRange(start: 0x1000, byteCount: 5, offset: 0x20),
        "invalid-memory-range: 5 bytes at 0x1000, from offset 0x20 on, are no range of this memory;"
          + " give ranges of whole 4 KiB pages, by address, below 2^52 and inside the memory"
      ),
      (
        GuestMemoryError.notShareable,
        "not-shareable: anonymous guest memory has no file that a copy could be made of; create the"
          + " memory with the backing .memoryFile"
      ),
      (
        GuestMemoryError.refused(operation: "memfd_create", byteCount: 4096, errorNumber: EMFILE),
        "host-refused-memory: memfd_create of 4096 bytes of guest memory failed with errno 24;"
          + " raise the limit of open files of this process (ulimit -n)"
      ),
      (
        GuestMemoryError.refused(operation: "ftruncate", byteCount: 4096, errorNumber: EFBIG),
        "host-refused-memory: ftruncate of 4096 bytes of guest memory failed with errno 27; raise"
          + " the limit of the size of files of this process (ulimit -f): guest memory is a memory"
          + " file, and counts"
      ),
      (
        GuestMemoryError.refused(operation: "mmap", byteCount: 4096, errorNumber: ENOMEM),
        "host-refused-memory: mmap of 4096 bytes of guest memory failed with errno 12; give the"
          + " guest less memory, or raise the limits of this process (ulimit -v)"
      ),
      (
        GuestMemoryError.refused(operation: "fstat", byteCount: 4096, errorNumber: EBADF),
        "host-refused-memory: fstat of 4096 bytes of guest memory failed with errno 9; give the"
          + " guest less memory"
      ),
    ])
  }

  @Test("Errors of adoption")
  func adoption() {
    expect([
      (
        AdoptionError.rootOutsideMemory(0x1000),
        "root-outside-memory: no memory is at 0x1000, the root; pass the CR3 of the tables, and the"
          + " memory that they are in"
      ),
      (
        AdoptionError.tableIsFree(address: 0x1000, level: .pageDirectory, linearAddress: 1 << 30),
        "table-is-free: the PD at 0x1000, used for 0x40000000, is in memory that is free; reserve"
          + " the memory of the adopted tables first"
      ),
      (
        AdoptionError.tableIsNode(address: 0x1000, level: .pageTable, linearAddress: 1 << 21),
        "table-is-node: the PT at 0x1000, used for 0x200000, belongs to a table of the same"
          + " allocator; change that table itself, or clone it"
      ),
      (
        AdoptionError.refused(.foreignAllocator),
        "foreign-allocator: the allocator is not that of the table's memory; pass the allocator"
          + " that the table was made with"
      ),
    ])
  }

  @Test("Errors of a table that name numbers")
  func tables() {
    expect([
      (
        PageTableError.misalignedByteCount(0x801, alignment: 4096),
        "misaligned-byte-count: size 0x801 is not a multiple of 0x1000; align it, or allow smaller"
          + " pages"
      ),
      (
        PageTableError.rangeNotCanonical(start: 0x1000, byteCount: 0x2000),
        "range-not-canonical: 0x2000 bytes from 0x1000 on leave the canonical half; stay in one"
          + " half of the space, below 2^47 or from -2^47 on (2^56 with 5 levels)"
      ),
      (
        PageTableError.alreadyMapped(linearAddress: 0x1000, level: .pageTable, entry: 0x5003),
        "already-mapped: 0x1000 is mapped already, by PTE 0x5003; unmap the range first"
      ),
      (
        PageTableError.invalidEntry(linearAddress: 0x1000, level: .pageDirectory, entry: 0x83),
        "invalid-entry: PDE 0x83 at 0x1000 is no valid entry; find out who else writes to the"
          + " tables"
      ),
      (
        PageTableError.outOfFrames(needed: 3, available: 2),
        "out-of-frames: 3 frames are needed for tables and 2 are free; give the guest more memory,"
          + " or use larger pages"
      ),
      (
        PageTableError.busy(linearAddress: 0x1000, level: .pageTable, holder: .nobody),
        "busy: the PT for 0x1000 is free again, or promised to a thread that waits for it; try"
          + " again"
      ),
      (
        PageTableError.outsideCursor(linearAddress: 0x1000, byteCount: 0x2000),
        "outside-cursor: 0x2000 bytes from 0x1000 on are outside the cursor; stay in the range, or"
          + " open the cursor for a larger one or a higher level"
      ),
      (
        PageTableError.noMemory(linearAddress: 0x1000, physicalAddress: 0x2000),
        "no-memory: 0x1000 leads to 0x2000, where no memory is; use pages that lead to memory of"
          + " the guest"
      ),
    ])
  }
}
