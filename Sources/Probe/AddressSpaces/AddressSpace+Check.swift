// AddressSpace.check(): every contradiction that can be seen without building anything.

import GuestMem
import MMU

extension AddressSpace {
  /// Everything that is wrong with the address space, in the order in which it is written.
  ///
  /// An address space without problems can be built, unless the frames that it leaves for
  /// "anywhere" are not contiguous or the machine lacks something that it needs.
  ///
  /// - Returns: No problems, or every one that can be told from the address space alone.
  /// - Complexity: O(*n* log *n*) in the number of mappings and expectations.
  public func check() -> [AddressSpaceProblem] {
    var problems: [AddressSpaceProblem] = []
    if rootLevel < .pageMapLevel4 { problems.append(.unsupportedRootLevel(rootLevel)) }
    checkMemory(into: &problems)
    for (index, mapping) in mappings.enumerated() {
      check(mapping, at: index, into: &problems)
    }
    checkNames(into: &problems)
    checkOverlaps(into: &problems)
    checkRecursiveSlot(into: &problems)
    checkCapacity(into: &problems)
    checkExpectations(into: &problems)
    return problems
  }

  var linearAddressWidth: LinearAddressWidth {
    rootLevel == .pageMapLevel5 ? .bits57 : .bits48
  }

  private func checkNames(into problems: inout [AddressSpaceProblem]) {
    var indexOfName: [String: Int] = [:]
    for (index, mapping) in mappings.enumerated() {
      if let first = indexOfName[mapping.name] {
        problems.append(.duplicateName(first: first, second: index, name: mapping.name))
      } else {
        indexOfName[mapping.name] = index
      }
    }
  }

  /// Reports each mapping that begins inside another one; a sweep over the sorted ranges.
  private func checkOverlaps(into problems: inout [AddressSpaceProblem]) {
    let order = mappings.indices.sorted {
      (mappings[$0].linearAddress, $0) < (mappings[$1].linearAddress, $1)
    }
    var found: [AddressSpaceProblem] = []
    var reaching: (index: Int, last: UInt64)?
    for index in order {
      let first = mappings[index].linearAddress.rawValue
      guard mappings[index].byteCount > 0 else { continue }
      let (sum, overflow) = first.addingReportingOverflow(mappings[index].byteCount - 1)
      let last = overflow ? UInt64.max : sum
      if let other = reaching, first <= other.last {
        let commonByteCount = min(last, other.last) - first
        found.append(
          .overlappingMappings(
            first: min(index, other.index), second: max(index, other.index),
            linearAddress: first, byteCount: commonByteCount == .max ? .max : commonByteCount + 1))
      }
      if last >= reaching?.last ?? 0 { reaching = (index, last) }
    }
    problems += found
  }
}
