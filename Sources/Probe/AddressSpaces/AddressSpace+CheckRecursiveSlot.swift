// The checks of the recursive slot.

public import GuestMem
public import MMU

extension RecursiveSlot {
  /// The linear addresses that go through the entry of a root of `level`.
  ///
  /// Of an index that no root has, the low nine bits count.
  public func addresses(rootLevel level: Level) -> ClosedRange<UInt64> {
    let width: LinearAddressWidth = level == .pageMapLevel5 ? .bits57 : .bits48
    let first = width.signExtended(UInt64(index & 511) &* level.span)
    return first...first &+ (level.span &- 1)
  }
}

extension AddressSpace {
  /// Appends everything that is wrong with the recursive slot, and each mapping in its range.
  func checkRecursiveSlot(into problems: inout [AddressSpaceProblem]) {
    guard let slot = recursiveSlot else { return }
    if !slot.rights.contains(.read) {
      problems.append(.recursiveSlotUnreadable(rights: slot.rights))
    } else if !slot.rights.contains(.execute) && !processor.isNoExecuteEnabled {
      problems.append(.recursiveSlotExecutable)
    }
    guard 0..<512 ~= slot.index else {
      problems.append(.recursiveSlotOutOfRange(index: slot.index))
      return
    }
    let range = slot.addresses(rootLevel: rootLevel)
    for (index, mapping) in mappings.enumerated() where mapping.byteCount > 0 {
      let first = mapping.linearAddress.rawValue
      let (sum, overflow) = first.addingReportingOverflow(mapping.byteCount - 1)
      let mapped = first...(overflow ? .max : sum)
      if mapped.overlaps(range) {
        problems.append(
          .mappingInRecursiveSlot(
            mapping: index, slot: slot.index, first: range.lowerBound, last: range.upperBound))
      }
    }
  }
}
