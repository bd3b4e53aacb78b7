// The checks of one mapping.

import GuestMem
import MMU

extension AddressSpace {
  /// Appends everything that is wrong with one mapping on its own.
  func check(_ mapping: Mapping, at index: Int, into problems: inout [AddressSpaceProblem]) {
    checkLinearRange(of: mapping, at: index, into: &problems)
    checkTarget(of: mapping, at: index, into: &problems)
    checkRights(of: mapping, at: index, into: &problems)
    if mapping.properties.protectionKey > 15 {
      problems.append(
        .protectionKeyTooLarge(mapping: index, key: mapping.properties.protectionKey))
    }
    if mapping.properties.softwareBits > 0x3ff {
      problems.append(.softwareBitsTooWide(mapping: index, bits: mapping.properties.softwareBits))
    }
  }

  private func checkLinearRange(
    of mapping: Mapping, at index: Int, into problems: inout [AddressSpaceProblem]
  ) {
    let first = mapping.linearAddress.rawValue
    let width = linearAddressWidth
    checkAlignment(.linearAddress, first, of: mapping, at: index, into: &problems)
    if mapping.byteCount == 0 {
      problems.append(.emptyMapping(mapping: index))
    } else {
      checkAlignment(.byteCount, mapping.byteCount, of: mapping, at: index, into: &problems)
    }
    guard width.isCanonical(first) else {
      problems.append(.notCanonical(mapping: index, linearAddress: first, width: width))
      return
    }
    // The bytes from `first` to the end of its half; at most 2^56, so it cannot overflow.
    let isUpperHalf = first >> 63 == 1
    let room = isUpperHalf ? 0 &- first : (1 << (UInt64(width.rawValue) - 1)) - first
    if mapping.byteCount > room {
      problems.append(
        .leavesCanonicalHalf(
          mapping: index, linearAddress: first, byteCount: mapping.byteCount))
    }
  }

  private func checkTarget(
    of mapping: Mapping, at index: Int, into problems: inout [AddressSpaceProblem]
  ) {
    let first: UInt64
    let isDevice: Bool
    switch mapping.target {
    case .anywhere: return
    case .memory(let address): (first, isDevice) = (address.rawValue, false)
    case .device(let address): (first, isDevice) = (address.rawValue, true)
    }
    checkAlignment(.physicalAddress, first, of: mapping, at: index, into: &problems)
    guard mapping.byteCount <= (1 << 52) - first else {
      problems.append(
        .physicalRangeTooWide(
          mapping: index, physicalAddress: first, byteCount: mapping.byteCount))
      return
    }
    checkPlace(
      of: index, first, byteCount: mapping.byteCount, isDevice: isDevice, into: &problems)
  }

  /// Reads and the other rights come together: a present entry can always be read.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (determination of access rights).
  private func checkRights(
    of mapping: Mapping, at index: Int, into problems: inout [AddressSpaceProblem]
  ) {
    let rights = mapping.properties.rights
    if rights.isEmpty {
      if mapping.target != .anywhere { problems.append(.targetWithoutRights(mapping: index)) }
      return
    }
    if !rights.contains(.read) {
      if rights.contains(.write) {
        problems.append(.writeWithoutRead(mapping: index))
      } else {
        problems.append(.executeWithoutRead(mapping: index))
      }
    }
    if !rights.contains(.execute) && !processor.isNoExecuteEnabled {
      problems.append(.executionCannotBeForbidden(mapping: index))
    }
  }

  private func checkAlignment(
    _ field: MappingField, _ value: UInt64, of mapping: Mapping, at index: Int,
    into problems: inout [AddressSpaceProblem]
  ) {
    var alignment: UInt64 = 4096
    if case .exactly(let size) = mapping.pageSize { alignment = size.byteCount }
    if !value.isMultiple(of: alignment) {
      problems.append(
        .misaligned(mapping: index, field: field, value: value, alignment: alignment))
    }
  }
}
