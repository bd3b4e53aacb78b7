// The stable names of the problems, and what each is about.

extension AddressSpaceProblem {
  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .unsupportedRootLevel: "unsupported-levels"
    case .noMemory: "no-memory"
    case .memoryMisaligned: "misaligned-memory"
    case .memoryTooLarge: "memory-too-large"
    case .tooManyMemoryRanges: "too-many-memory-ranges"
    case .emptyMemoryRange: "empty-memory-range"
    case .memoryRangeMisaligned: "misaligned-memory-range"
    case .memoryRangeTooHigh: "memory-range-too-high"
    case .overlappingMemoryRanges: "overlapping-memory-ranges"
    case .memoryExhausted: "memory-exhausted"
    case .tooManyPages: "too-many-pages"
    case .emptyMapping: "empty-mapping"
    case .misaligned: "misaligned"
    case .notCanonical: "not-canonical"
    case .leavesCanonicalHalf: "leaves-canonical-half"
    case .physicalRangeTooWide: "physical-range-too-wide"
    case .outsideMemory: "outside-memory"
    case .deviceOverlapsMemory, .deviceOverlapsMemoryRange: "device-overlaps-memory"
    case .overlappingMappings: "overlapping-mappings"
    case .duplicateName: "duplicate-name"
    case .writeWithoutRead: "write-without-read"
    case .executeWithoutRead: "execute-without-read"
    case .targetWithoutRights: "target-without-rights"
    case .executionCannotBeForbidden: "execution-cannot-be-forbidden"
    case .protectionKeyTooLarge: "protection-key-too-large"
    case .softwareBitsTooWide: "software-bits-too-wide"
    case .recursiveSlotOutOfRange: "recursive-slot-out-of-range"
    case .recursiveSlotUnreadable: "recursive-slot-unreadable"
    case .recursiveSlotExecutable: "recursive-slot-executable"
    case .mappingInRecursiveSlot: "mapping-in-recursive-slot"
    case .contradictoryExpectations: "contradictory-expectations"
    case .successAtNonCanonicalAddress: "success-at-non-canonical-address"
    case .pageFaultAtNonCanonicalAddress: "page-fault-at-non-canonical-address"
    case .pageOffsetDiffers: "page-offset-differs"
    case .impossibleErrorCode: "impossible-error-code"
    }
  }

  /// The part of the address space to change first.
  public var subject: AddressSpaceSubject {
    switch self {
    case .unsupportedRootLevel: .rootLevel
    case .noMemory, .memoryMisaligned, .memoryTooLarge, .memoryExhausted, .tooManyMemoryRanges:
      .memory
    case .emptyMemoryRange(let range), .memoryRangeTooHigh(let range, _, _, _):
      .memoryRange(range, .byteCount)
    case .memoryRangeMisaligned(let range, let field, _): .memoryRange(range, field)
    case .overlappingMemoryRanges(_, let second, _, _): .memoryRange(second, .base)
    case .emptyMapping(let mapping), .tooManyPages(let mapping, _): .mapping(mapping, .byteCount)
    case .misaligned(let mapping, let field, _, _): .mapping(mapping, field)
    case .notCanonical(let mapping, _, _): .mapping(mapping, .linearAddress)
    case .leavesCanonicalHalf(let mapping, _, _): .mapping(mapping, .byteCount)
    case .physicalRangeTooWide(let mapping, _, _): .mapping(mapping, .physicalAddress)
    case .outsideMemory(let mapping, _, _, _): .mapping(mapping, .physicalAddress)
    case .deviceOverlapsMemory(let mapping, _, _), .deviceOverlapsMemoryRange(let mapping, _, _):
      .mapping(mapping, .physicalAddress)
    case .overlappingMappings(_, let second, _, _): .mapping(second, .linearAddress)
    case .duplicateName(_, let second, _): .mapping(second, .name)
    case .writeWithoutRead(let mapping), .executeWithoutRead(let mapping),
      .executionCannotBeForbidden(let mapping), .targetWithoutRights(let mapping):
      .mapping(mapping, .rights)
    case .protectionKeyTooLarge(let mapping, _): .mapping(mapping, .protectionKey)
    case .softwareBitsTooWide(let mapping, _): .mapping(mapping, .softwareBits)
    case .recursiveSlotOutOfRange: .recursiveSlot(.index)
    case .recursiveSlotUnreadable, .recursiveSlotExecutable: .recursiveSlot(.rights)
    case .mappingInRecursiveSlot(let mapping, _, _, _): .mapping(mapping, .linearAddress)
    case .contradictoryExpectations(_, let second): .expectation(second, .outcome)
    case .successAtNonCanonicalAddress(let expectation, _): .expectation(expectation, .outcome)
    case .pageFaultAtNonCanonicalAddress(let expectation, _): .expectation(expectation, .errorCode)
    case .pageOffsetDiffers(let expectation, _, _): .expectation(expectation, .physicalAddress)
    case .impossibleErrorCode(let expectation, _, _): .expectation(expectation, .errorCode)
    }
  }

  /// The other mapping that a problem of two mappings is about, and the part that is in its way.
  public var relatedMapping: (index: Int, field: MappingField)? {
    switch self {
    case .overlappingMappings(let first, _, _, _): (first, .linearAddress)
    case .duplicateName(let first, _, _): (first, .name)
    default: nil
    }
  }

  /// The other range of RAM that a problem of two ranges is about.
  public var relatedMemoryRange: Int? {
    if case .overlappingMemoryRanges(let first, _, _, _) = self { return first }
    return nil
  }

  /// The other expectation that a problem of two expectations is about.
  public var relatedExpectation: Int? {
    if case .contradictoryExpectations(let first, _) = self { return first }
    return nil
  }
}
