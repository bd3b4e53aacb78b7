// PageTableError, message and hint: what a person reads.

internal import MMU

extension PageTableError {
  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .emptyRange(let address):
      "the range at \(hexadecimal(address)) has no bytes"
    case .misalignedLinearAddress(let address, let alignment):
      "linear address \(hexadecimal(address)) is not a multiple of \(hexadecimal(alignment))"
    case .misalignedPhysicalAddress(let address, let alignment):
      "physical address \(hexadecimal(address)) is not a multiple of \(hexadecimal(alignment))"
    case .misalignedByteCount(let byteCount, let alignment):
      "size \(hexadecimal(byteCount)) is not a multiple of \(hexadecimal(alignment))"
    case .notCanonical(let address):
      "linear address \(hexadecimal(address)) is not canonical"
    case .rangeNotCanonical(let start, let byteCount):
      "\(hexadecimal(byteCount)) bytes from \(hexadecimal(start)) on leave the canonical half"
    case .notOwned(let start, let byteCount):
      "\(hexadecimal(byteCount)) bytes from \(hexadecimal(start)) on are not this table's"
    case .physicalAddressTooWide(let address, let byteCount, let width):
      "\(hexadecimal(byteCount)) bytes from physical address \(hexadecimal(address)) on need more"
        + " than \(width) bits"
    case .noRights(let address):
      "the mapping at \(hexadecimal(address)) has no rights"
    case .unreadable:
      "a page cannot be writable or executable without being readable"
    case .noExecuteUnavailable:
      "a page cannot be kept from execution while EFER.NXE is 0"
    case .protectionKeyTooLarge(let key):
      "protection key \(key) does not exist"
    case .softwareBitsTooWide(let bits):
      "software bits \(hexadecimal(UInt64(bits))) need more than 10 bits"
    case .memoryTypeUnsupported(let type):
      "entries of this format have no memory type \(type)"
    case .protectionKeyUnsupported(let key):
      "entries of this format have no protection key, and \(key) is asked for"
    case .softwareBitsUnsupported(let bits):
      "entries of this format have no software bits \(hexadecimal(UInt64(bits)))"
    case .reservedSoftwareBits(let bits):
      "software bits \(hexadecimal(UInt64(bits))) tell whether a leaf owns its frames"
    case .pageSizeUnsupported(let size):
      "pages of \(size.byteCount) bytes are not supported"
    case .alreadyMapped(let address, let level, let entry):
      "\(hexadecimal(address)) is mapped already, by \(level.entryName) \(hexadecimal(entry))"
    case .notMapped(let address):
      "nothing is mapped at \(hexadecimal(address))"
    case .accessDenied(let address, _):
      "the page at \(hexadecimal(address)) does not give the right"
    case .noMemory(let address, let physical):
      "\(hexadecimal(address)) leads to \(hexadecimal(physical)), where no memory is"
    case .invalidEntry(let address, let level, let entry):
      "\(level.entryName) \(hexadecimal(entry)) at \(hexadecimal(address)) is no valid entry"
    case .outOfFrames(let needed, let available):
      "\(needed) frames are needed for tables and \(available) are free"
    case .busy(let address, let level, let holder):
      "the \(level.abbreviation) for \(hexadecimal(address)) \(holder.words)"
    case .cursorAtEnd:
      "the cursor is at the end of its range"
    case .outsideCursor(let address, let byteCount):
      "\(hexadecimal(byteCount)) bytes from \(hexadecimal(address)) on are outside the cursor"
    case .notPage(let address):
      "what is to be mapped at \(hexadecimal(address)) is no page"
    case .foreignAllocator:
      "the allocator is not that of the table's memory"
    case .unlikeKernel:
      "the kernel's kind of table has another format, or is not for the other half"
    case .noSuchRootEntry(let index):
      "the root has no entry \(index) that could lead to the root"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .emptyRange: "give at least 4096 bytes"
    case .misalignedLinearAddress, .misalignedPhysicalAddress, .misalignedByteCount:
      "align it, or allow smaller pages"
    case .notCanonical, .rangeNotCanonical:
      "stay in one half of the space, below 2^47 or from -2^47 on (2^56 with 5 levels)"
    case .notOwned: "use the table that owns this half of the space"
    case .physicalAddressTooWide: "use lower physical addresses, or a wider processor"
    case .noRights: "unmap the range instead, or give it rights and take them by protect"
    case .unreadable: "add the right to read"
    case .noExecuteUnavailable: "add the right to execute, or enable EFER.NXE"
    case .protectionKeyTooLarge: "use a key from 0 to 15"
    case .softwareBitsTooWide: "use bits 0 to 9"
    case .memoryTypeUnsupported: "use WB, WT, WC or UC, or a table in the native format"
    case .protectionKeyUnsupported: "use key 0, or a table in the native format"
    case .softwareBitsUnsupported: "use software bit 4, or a table in the native format"
    case .reservedSoftwareBits: "use the other software bits"
    case .pageSizeUnsupported: "use a smaller size, or a processor with 1 GiB pages"
    case .alreadyMapped: "unmap the range first"
    case .notMapped: "map the range first"
    case .accessDenied: "give the page the right, or use physical addresses"
    case .noMemory: "use pages that lead to memory of the guest"
    case .invalidEntry: "find out who else writes to the tables"
    case .outOfFrames: "give the guest more memory, or use larger pages"
    case .busy(_, _, let holder): holder.hint
    case .cursorAtEnd: "jump back, or end the cursor"
    case .outsideCursor: "stay in the range, or open the cursor for a larger one or a higher level"
    case .notPage: "use the entry's replace to link tables"
    case .foreignAllocator: "pass the allocator that the table was made with"
    case .unlikeKernel:
      "give both kinds the same format, one half each, and the kernel's root entries that stay"
    case .noSuchRootEntry: "use an index from 0 to 511, and a root above level 1"
    }
  }
}
