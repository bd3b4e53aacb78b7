// PageTableError: why an operation on a page table was refused, before anything was changed.

public import MMU

/// The reason an operation on a page table was refused; nothing has changed then.
public enum PageTableError: Error, Hashable, Sendable {
  /// The range has no bytes.
  case emptyRange(UInt64)
  /// A linear address is not a multiple of `alignment`.
  case misalignedLinearAddress(UInt64, alignment: UInt64)
  /// A physical address is not a multiple of `alignment`.
  case misalignedPhysicalAddress(UInt64, alignment: UInt64)
  /// A size is not a multiple of `alignment`.
  case misalignedByteCount(UInt64, alignment: UInt64)
  /// The address is not canonical for this number of levels.
  case notCanonical(UInt64)
  /// The range leaves the canonical half that it starts in.
  case rangeNotCanonical(start: UInt64, byteCount: UInt64)
  /// The range lies in root entries that this table does not own.
  case notOwned(start: UInt64, byteCount: UInt64)
  /// The physical range needs more bits than the processor has.
  case physicalAddressTooWide(UInt64, byteCount: UInt64, width: UInt8)
  /// A mapping without any right would be no mapping.
  case noRights(UInt64)
  /// An x86-64 page that can be written or executed can be read, and the native format says so.
  case unreadable(PageRights)
  /// Without IA32_EFER.NXE every page is executable.
  case noExecuteUnavailable
  /// Protection keys are 0 to 15.
  case protectionKeyTooLarge(UInt8)
  /// Entries have 10 bits for software.
  case softwareBitsTooWide(UInt16)
  /// The entries of this format have no such memory type.
  case memoryTypeUnsupported(MemoryType)
  /// The entries of this format have no protection keys.
  case protectionKeyUnsupported(UInt8)
  /// The entries of this format do not have these software bits.
  case softwareBitsUnsupported(UInt16)
  /// These software bits tell whether a leaf owns its frames.
  case reservedSoftwareBits(UInt16)
  /// Leaves of this size are not supported here.
  case pageSizeUnsupported(PageSize)
  /// Something is mapped at `linearAddress` already, by `entry` at `level`.
  case alreadyMapped(linearAddress: UInt64, level: Level, entry: UInt64)
  /// Nothing is mapped at the address.
  case notMapped(linearAddress: UInt64)
  /// The page at the address does not give the right.
  case accessDenied(linearAddress: UInt64, PageRights)
  /// The page at the address, or a table on the way to it, is where the guest has no memory.
  case noMemory(linearAddress: UInt64, physicalAddress: UInt64)
  /// The entry at `level` is neither absent nor anything that this module writes.
  case invalidEntry(linearAddress: UInt64, level: Level, entry: UInt64)
  /// The operation needs `needed` frames for tables and `available` are free.
  case outOfFrames(needed: UInt64, available: UInt64)
  /// The lock of the table at `level` is held, or others wait for it.
  case busy(linearAddress: UInt64, level: Level, holder: LockHolder)
  /// The cursor stands at the end of its range.
  case cursorAtEnd
  /// The address, or `byteCount` bytes from it on, are outside the cursor's range.
  case outsideCursor(linearAddress: UInt64, byteCount: UInt64)
  /// Only pages can be mapped by a cursor.
  case notPage(linearAddress: UInt64)
  /// The allocator keeps the books of other memory than the table's.
  case foreignAllocator
  /// The kernel's kind of table has another format than the user's, or is not for the other half.
  case unlikeKernel
  /// The root has no entry with this index that could lead to the root.
  case noSuchRootEntry(Int)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .emptyRange: "empty-range"
    case .misalignedLinearAddress: "misaligned-linear-address"
    case .misalignedPhysicalAddress: "misaligned-physical-address"
    case .misalignedByteCount: "misaligned-byte-count"
    case .notCanonical: "not-canonical"
    case .rangeNotCanonical: "range-not-canonical"
    case .notOwned: "not-owned"
    case .physicalAddressTooWide: "physical-address-too-wide"
    case .noRights: "no-rights"
    case .unreadable: "unreadable"
    case .noExecuteUnavailable: "no-execute-unavailable"
    case .protectionKeyTooLarge: "protection-key-too-large"
    case .softwareBitsTooWide: "software-bits-too-wide"
    case .memoryTypeUnsupported: "memory-type-unsupported"
    case .protectionKeyUnsupported: "protection-key-unsupported"
    case .softwareBitsUnsupported: "software-bits-unsupported"
    case .reservedSoftwareBits: "reserved-software-bits"
    case .pageSizeUnsupported: "page-size-unsupported"
    case .alreadyMapped: "already-mapped"
    case .notMapped: "not-mapped"
    case .accessDenied: "access-denied"
    case .noMemory: "no-memory"
    case .invalidEntry: "invalid-entry"
    case .outOfFrames: "out-of-frames"
    case .busy: "busy"
    case .cursorAtEnd: "cursor-at-end"
    case .outsideCursor: "outside-cursor"
    case .notPage: "not-page"
    case .foreignAllocator: "foreign-allocator"
    case .unlikeKernel: "unlike-kernel"
    case .noSuchRootEntry: "no-such-root-entry"
    }
  }
}
