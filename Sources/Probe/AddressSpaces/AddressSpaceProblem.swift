// AddressSpaceProblem: everything that can be wrong with an address space before it is built.

public import GuestMem
public import MMU

/// Something that is wrong with an ``AddressSpace``, found by ``AddressSpace/check()``.
///
/// Mappings and expectations are named by their index in the address space.
public enum AddressSpaceProblem: Error, Hashable, Sendable {
  /// Long mode walks from a PML4 or a PML5 only.
  case unsupportedRootLevel(Level)
  /// There is no RAM.
  case noMemory
  /// The size of RAM is not a multiple of 4 KiB.
  case memoryMisaligned(byteCount: UInt64)
  /// RAM reaches beyond 2^52, the architectural limit of physical addresses.
  case memoryTooLarge(byteCount: UInt64)
  /// A list of ranges of RAM is longer than the slots that machines surely have.
  case tooManyMemoryRanges(count: Int, limit: Int)
  /// A range of RAM without bytes.
  case emptyMemoryRange(range: Int)
  /// Part of a range of RAM is not a multiple of 4 KiB.
  case memoryRangeMisaligned(range: Int, field: MemoryRangeField, value: UInt64)
  /// A range of RAM reaches beyond ``AddressSpace/memoryRangeEnd``.
  case memoryRangeTooHigh(range: Int, base: UInt64, byteCount: UInt64, limit: UInt64)
  /// Two ranges of RAM have addresses in common; `first` is the one written earlier.
  case overlappingMemoryRanges(first: Int, second: Int, base: UInt64, byteCount: UInt64)
  /// The mapped ranges and the tables that they need at least are larger than RAM.
  case memoryExhausted(neededByteCount: UInt64, memoryByteCount: UInt64)
  /// With this mapping there are more pages than one verification can probe.
  case tooManyPages(mapping: Int, limit: UInt64)

  /// A mapping of no bytes.
  case emptyMapping(mapping: Int)
  /// Part of a mapping is not a multiple of the page size it needs.
  case misaligned(mapping: Int, field: MappingField, value: UInt64, alignment: UInt64)
  /// The first address of a mapping is not canonical with this number of levels.
  case notCanonical(mapping: Int, linearAddress: UInt64, width: LinearAddressWidth)
  /// A mapping starts in one half of the linear addresses and does not end in it.
  case leavesCanonicalHalf(mapping: Int, linearAddress: UInt64, byteCount: UInt64)
  /// A mapping reaches beyond 2^52, the architectural limit of physical addresses.
  case physicalRangeTooWide(mapping: Int, physicalAddress: UInt64, byteCount: UInt64)
  /// A mapping reaches outside RAM without saying that it means a device.
  case outsideMemory(
    mapping: Int, physicalAddress: UInt64, byteCount: UInt64, memoryByteCount: UInt64)
  /// A mapping of a device reaches RAM.
  case deviceOverlapsMemory(mapping: Int, physicalAddress: UInt64, memoryByteCount: UInt64)
  /// A mapping of a device reaches one of several ranges of RAM.
  case deviceOverlapsMemoryRange(mapping: Int, physicalAddress: UInt64, range: MemoryRange)
  /// Two mappings claim the same linear addresses; `first` is the one written earlier.
  case overlappingMappings(first: Int, second: Int, linearAddress: UInt64, byteCount: UInt64)
  /// Two mappings have the same name; `first` is the one written earlier.
  case duplicateName(first: Int, second: Int, name: String)
  /// A page that can be written can always be read.
  case writeWithoutRead(mapping: Int)
  /// A page that can be executed can always be read.
  case executeWithoutRead(mapping: Int)
  /// A range that must not be mapped leads somewhere.
  case targetWithoutRights(mapping: Int)
  /// With IA32_EFER.NXE clear every page can be executed.
  case executionCannotBeForbidden(mapping: Int)
  /// Protection keys are 0 to 15.
  case protectionKeyTooLarge(mapping: Int, key: UInt8)
  /// Ten bits of a leaf are left to software.
  case softwareBitsTooWide(mapping: Int, bits: UInt16)

  /// A root has the entries 0 to 511.
  case recursiveSlotOutOfRange(index: Int)
  /// A recursive slot that shows nothing, or whose pages could be used but not read.
  case recursiveSlotUnreadable(rights: PageRights)
  /// With IA32_EFER.NXE clear the tables could be executed through the recursive slot.
  case recursiveSlotExecutable
  /// A mapping lies in the range of the recursive slot, which is `first` to `last`.
  case mappingInRecursiveSlot(mapping: Int, slot: Int, first: UInt64, last: UInt64)

  /// Two expectations about the same access disagree; `first` is the one written earlier.
  case contradictoryExpectations(first: Int, second: Int)
  /// An access to a non-canonical address cannot succeed.
  case successAtNonCanonicalAddress(expectation: Int, linearAddress: UInt64)
  /// An access to a non-canonical address raises #GP or #SS, never #PF.
  case pageFaultAtNonCanonicalAddress(expectation: Int, linearAddress: UInt64)
  /// Translation keeps the low 12 bits of an address, and the expectation does not.
  case pageOffsetDiffers(expectation: Int, linearAddress: UInt64, physicalAddress: UInt64)
  /// The access that is described cannot fault with this error code.
  case impossibleErrorCode(expectation: Int, errorCode: UInt32, conflict: ErrorCodeConflict)
}

/// Why an access cannot fault with an error code.
///
/// Source: Intel SDM volume 3A, section 5.7 (page-fault exceptions).
public enum ErrorCodeConflict: Hashable, Sendable {
  /// Bit 1, W/R, is set exactly for writes.
  case writeBit(AccessKind)
  /// Bit 2, U/S, is set exactly for accesses by CPL 3.
  case userBit(PrivilegeLevel)
  /// Bit 4, I/D, is set exactly for fetches while NXE or SMEP is on.
  case instructionFetchBit(AccessKind)
  /// Bit 3, RSVD, and bit 5, PK, come with bit 0, P.
  case presentBitMissing
  /// Bit 5, PK, needs CR4.PKE, and fetches never set it.
  case protectionKeyBit
  /// Bits 6 and up do not arise from what kvmpt does.
  case unknownBits
}

/// The part of an ``AddressSpace`` that a problem is about.
public enum AddressSpaceSubject: Hashable, Sendable {
  /// The number of levels.
  case rootLevel
  /// The size of RAM.
  case memory
  /// One part of the range of RAM with this index.
  case memoryRange(Int, MemoryRangeField)
  /// One part of the recursive slot.
  case recursiveSlot(RecursiveSlotField)
  /// One part of the mapping with this index.
  case mapping(Int, MappingField)
  /// One part of the expectation with this index.
  case expectation(Int, ExpectationField)
}

/// A part of a ``MemoryRange``.
public enum MemoryRangeField: Hashable, Sendable {
  /// ``MemoryRange/base``.
  case base
  /// ``MemoryRange/byteCount``.
  case byteCount
}

/// A part of a recursive slot.
public enum RecursiveSlotField: Hashable, Sendable {
  /// The index of the root entry.
  case index
  /// The rights of the root entry.
  case rights
}

/// A part of a ``Mapping``.
public enum MappingField: Hashable, Sendable {
  /// ``Mapping/name``.
  case name
  /// ``Mapping/linearAddress``.
  case linearAddress
  /// ``Mapping/target``.
  case physicalAddress
  /// ``Mapping/byteCount``.
  case byteCount
  /// The rights of ``Mapping/properties``.
  case rights
  /// The protection key of ``Mapping/properties``.
  case protectionKey
  /// The software bits of ``Mapping/properties``.
  case softwareBits
}

/// A part of an ``Expectation``.
public enum ExpectationField: Hashable, Sendable {
  /// ``Expectation/linearAddress``.
  case linearAddress
  /// ``Expectation/outcome``.
  case outcome
  /// The error code of ``ExpectedOutcome/fault(errorCode:)``.
  case errorCode
  /// The address of ``ExpectedOutcome/success(_:)``.
  case physicalAddress
}
