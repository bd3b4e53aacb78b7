// What each problem says, and what it advises.

import MMU

extension AddressSpaceProblem {
  /// What is wrong, in one lower-case line without the names of the mappings concerned.
  public var message: String {
    switch self {
    case .unsupportedRootLevel(let level):
      "tables of \(level.rawValue) levels do not exist in 64-bit mode"
    case .noMemory: "there is no guest memory"
    case .memoryMisaligned(let byteCount):
      "the guest memory of \(ByteCount(byteCount)) is not a multiple of 4 KiB"
    case .memoryTooLarge(let byteCount):
      "\(ByteCount(byteCount)) of guest memory reach beyond physical address 2^52"
    case .tooManyMemoryRanges(let count, let limit):
      "\(count) ranges of memory are more than the \(limit) that a machine surely can have"
    case .emptyMemoryRange: "the range of memory has no bytes"
    case .memoryRangeMisaligned(_, .base, let value):
      "the range of memory begins at \(HexadecimalNumber(value)), which is not a multiple of 4 KiB"
    case .memoryRangeMisaligned(_, .byteCount, let value):
      "the size of \(ByteCount(value)) is not a multiple of 4 KiB"
    case .memoryRangeTooHigh(_, let base, let byteCount, let limit):
      "\(ByteCount(byteCount)) of memory from \(HexadecimalNumber(base)) on reach beyond"
        + " \(HexadecimalNumber(limit)), the end of what a list of ranges may have"
    case .overlappingMemoryRanges(_, _, let base, let byteCount):
      "\(ByteCount(byteCount)) from \(HexadecimalNumber(base)) on are in two ranges of memory"
    case .deviceOverlapsMemoryRange(_, let address, let range):
      "the device at \(HexadecimalNumber(address)) reaches the memory from"
        + " \(HexadecimalNumber(range.base)) to \(HexadecimalNumber(range.end &- 1))"
    case .memoryExhausted(let needed, let memory):
      "the mapped memory and its tables need at least \(ByteCount(needed)), "
        + "and the guest has \(ByteCount(memory))"
    case .tooManyPages(_, let limit):
      "with this mapping there are more than \(limit) pages, each of which would be probed"
    case .emptyMapping: "the mapping has no bytes"
    case .misaligned(_, let field, let value, let alignment):
      misalignedMessage(field: field, value: value, alignment: alignment)
    case .notCanonical(_, let address, let width):
      "\(HexadecimalNumber(address)) is not canonical: bits 63 to \(width.rawValue - 1) differ"
    case .leavesCanonicalHalf(_, let address, let byteCount):
      "\(ByteCount(byteCount)) from \(HexadecimalNumber(address)) on "
        + "reach beyond the last canonical address"
    case .physicalRangeTooWide(_, let address, let byteCount):
      "\(ByteCount(byteCount)) from \(HexadecimalNumber(address)) on "
        + "reach beyond physical address 2^52"
    case .outsideMemory(_, let address, let byteCount, let memory):
      "\(ByteCount(byteCount)) from \(HexadecimalNumber(address)) on reach outside "
        + "the guest memory of \(ByteCount(memory))"
    case .deviceOverlapsMemory(_, let address, let memory):
      "a device at \(HexadecimalNumber(address)) lies inside the guest memory of \(ByteCount(memory))"
    case .overlappingMappings(_, _, let address, let byteCount):
      "\(ByteCount(byteCount)) from \(HexadecimalNumber(address)) on are mapped twice"
    case .duplicateName(_, _, let name): "two mappings are named '\(name)'"
    case .writeWithoutRead: "a page that can be written can always be read"
    case .executeWithoutRead: "a page that can be executed can always be read"
    case .targetWithoutRights: "a range without rights is not mapped, so it cannot lead anywhere"
    case .executionCannotBeForbidden: "while NXE is off every mapped page can be executed"
    case .protectionKeyTooLarge(_, let key): "there is no protection key \(key)"
    case .softwareBitsTooWide(_, let bits):
      "software bits \(HexadecimalNumber(UInt64(bits))) need more than 10 bits"
    case .recursiveSlotOutOfRange(let index): "the root table has no entry \(index)"
    case .recursiveSlotUnreadable(let rights):
      "the rights \(rights.letters) of the recursive slot let nobody read the tables"
    case .recursiveSlotExecutable:
      "while NXE is off the tables can be executed through the recursive slot"
    case .mappingInRecursiveSlot(_, let slot, let first, let last):
      "the mapping lies in the range of recursive slot \(slot), \(HexadecimalNumber(first)) to"
        + " \(HexadecimalNumber(last)), where the tables are"
    case .contradictoryExpectations: "two expectations about the same access contradict each other"
    case .successAtNonCanonicalAddress(_, let address):
      "\(HexadecimalNumber(address)) is not canonical, so no access to it can succeed"
    case .pageFaultAtNonCanonicalAddress(_, let address):
      "\(HexadecimalNumber(address)) is not canonical: an access raises #GP, which has no such code"
    case .pageOffsetDiffers(_, let linear, let physical):
      "\(HexadecimalNumber(linear)) cannot reach \(HexadecimalNumber(physical)): "
        + "translation keeps the low 12 bits"
    case .impossibleErrorCode(_, let code, let conflict):
      "error code \(HexadecimalNumber(UInt64(code))) cannot arise: \(conflict.reason)"
    }
  }

  /// What to do about it, in one lower-case line.
  public var hint: String {
    switch self {
    case .unsupportedRootLevel: "use 4 or 5 levels"
    case .noMemory, .memoryMisaligned: "give a multiple of 4 KiB, such as 64MiB"
    case .memoryTooLarge: "map addresses without memory behind them as a device"
    case .tooManyMemoryRanges: "join ranges whose holes are not needed"
    case .emptyMemoryRange: "give a size of at least 4KiB, or remove the range"
    case .memoryRangeMisaligned(_, _, let value): alignedNeighbours(of: value, alignment: 4096)
    case .memoryRangeTooHigh: "place the memory lower; what lies above can be mapped as a device"
    case .overlappingMemoryRanges: "make one of them shorter, or move it"
    case .deviceOverlapsMemoryRange: "map memory as memory, or place the device beside the ranges"
    case .memoryExhausted: "give the guest more memory, map less, or use larger pages"
    case .tooManyPages: "map less, use larger pages, or divide it among several files"
    case .emptyMapping: "give a size of at least 4KiB, or remove the mapping"
    case .misaligned(_, _, let value, let alignment):
      alignedNeighbours(of: value, alignment: alignment)
    case .notCanonical(_, let address, let width):
      "the canonical address with the same low \(width.rawValue) bits is "
        + "\(HexadecimalNumber(width.signExtended(address)))"
    case .leavesCanonicalHalf: "end the mapping at the last canonical address, or start it lower"
    case .physicalRangeTooWide: "physical addresses have at most 52 bits"
    case .outsideMemory: "give the guest more memory, or say that this is a device"
    case .deviceOverlapsMemory(_, _, let memory):
      "map memory as memory, or place the device at \(HexadecimalNumber(memory)) or above"
    case .overlappingMappings: "make one of them shorter, or move it"
    case .duplicateName: "reports tell mappings apart by name: change one of them"
    case .writeWithoutRead: "use rw- or rwx"
    case .executeWithoutRead: "use r-x"
    case .targetWithoutRights: "remove the physical address, or grant at least r--"
    case .executionCannotBeForbidden: "add x to the rights, or turn NXE on"
    case .protectionKeyTooLarge: "protection keys are 0 to 15"
    case .softwareBitsTooWide: "bits 0 to 2 are bits 9 to 11 of the entry, bits 3 to 9 are 52 to 58"
    case .recursiveSlotOutOfRange: "use an index from 0 to 511; many kernels use 510"
    case .recursiveSlotUnreadable: "use r--, rw-, r-x or rwx, or remove the slot"
    case .recursiveSlotExecutable: "give the slot rights with x, or turn NXE on"
    case .mappingInRecursiveSlot: "move the mapping, or use another recursive slot"
    case .contradictoryExpectations: "remove one of them"
    case .successAtNonCanonicalAddress: "expect a fault, or use a canonical address"
    case .pageFaultAtNonCanonicalAddress: "expect a fault without an error code"
    case .pageOffsetDiffers: "make the low 12 bits of the two addresses equal"
    case .impossibleErrorCode(_, _, let conflict): conflict.hint
    }
  }

  private func misalignedMessage(field: MappingField, value: UInt64, alignment: UInt64) -> String {
    let unit = ByteCount(alignment)
    return switch field {
    case .byteCount: "the size of \(ByteCount(value)) is not a multiple of \(unit)"
    case .physicalAddress: "physical address \(HexadecimalNumber(value)) is not \(unit) aligned"
    default: "linear address \(HexadecimalNumber(value)) is not \(unit) aligned"
    }
  }

  private func alignedNeighbours(of value: UInt64, alignment: UInt64) -> String {
    let below = value & ~(alignment &- 1)
    let (above, overflow) = below.addingReportingOverflow(alignment)
    if overflow { return "the nearest multiple is \(HexadecimalNumber(below))" }
    return "the nearest multiples are \(HexadecimalNumber(below)) and \(HexadecimalNumber(above))"
  }
}

extension ErrorCodeConflict {
  var reason: String {
    switch self {
    case .writeBit(let access): "bit 1 must be \(access == .write ? 1 : 0) for a \(access.label)"
    case .userBit(let privilege):
      "bit 2 must be \(privilege == .user ? 1 : 0) at CPL \(privilege.rawValue)"
    case .instructionFetchBit(.fetch): "bit 4 is set for a fetch exactly while NXE or SMEP is on"
    case .instructionFetchBit(let access): "bit 4 must be 0 for a \(access.label)"
    case .presentBitMissing: "bits 3 and 5 come with bit 0"
    case .protectionKeyBit: "bit 5 needs protection keys, and a fetch never sets it"
    case .unknownBits: "only bits 0 to 5 are used"
    }
  }

  var hint: String {
    switch self {
    case .writeBit: "bit 1 (0x2) says that the access was a write"
    case .userBit: "bit 2 (0x4) says that the access was made at CPL 3"
    case .instructionFetchBit: "bit 4 (0x10) says that the access was an instruction fetch"
    case .presentBitMissing: "bit 0 (0x1) says that the entry was present"
    case .protectionKeyBit: "bit 5 (0x20) says that a protection key forbade a data access"
    case .unknownBits: "leave the error code out to accept any"
    }
  }
}
