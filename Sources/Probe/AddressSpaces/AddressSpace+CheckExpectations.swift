// The checks of what must hold beyond the mappings.

import MMU

extension AddressSpace {
  /// Appends every expectation that no machine can meet, and every pair that disagrees.
  func checkExpectations(into problems: inout [AddressSpaceProblem]) {
    var firstWithAccess: [ExpectedAccess: Int] = [:]
    for (index, expectation) in expectations.enumerated() {
      check(expectation, at: index, into: &problems)
      let access = ExpectedAccess(expectation)
      if let first = firstWithAccess[access] {
        if !expectations[first].outcome.isCompatible(with: expectation.outcome) {
          problems.append(.contradictoryExpectations(first: first, second: index))
        }
      } else {
        firstWithAccess[access] = index
      }
    }
  }

  private func check(
    _ expectation: Expectation, at index: Int, into problems: inout [AddressSpaceProblem]
  ) {
    let address = expectation.linearAddress
    let isCanonical = linearAddressWidth.isCanonical(address)
    switch expectation.outcome {
    case .success(let physicalAddress):
      if !isCanonical {
        problems.append(
          .successAtNonCanonicalAddress(expectation: index, linearAddress: address))
      }
      if let physical = physicalAddress?.rawValue, (physical ^ address) & 0xfff != 0 {
        problems.append(
          .pageOffsetDiffers(
            expectation: index, linearAddress: address, physicalAddress: physical))
      }
    case .fault(nil): break
    case .fault(let errorCode?):
      if !isCanonical {
        problems.append(
          .pageFaultAtNonCanonicalAddress(expectation: index, linearAddress: address))
      } else if let conflict = conflict(of: errorCode, with: expectation) {
        problems.append(
          .impossibleErrorCode(expectation: index, errorCode: errorCode, conflict: conflict))
      }
    }
  }

  /// Why the access of `expectation` cannot fault with `errorCode`, or nil when it can.
  ///
  /// Source: Intel SDM volume 3A, section 5.7 (page-fault exceptions).
  private func conflict(of errorCode: UInt32, with expectation: Expectation) -> ErrorCodeConflict? {
    let isPresent = errorCode & 1 != 0
    let isFetch = expectation.access == .fetch
    if errorCode >> 6 != 0 { return .unknownBits }
    if (errorCode & 2 != 0) != (expectation.access == .write) {
      return .writeBit(expectation.access)
    }
    if (errorCode & 4 != 0) != (expectation.privilege == .user) {
      return .userBit(expectation.privilege)
    }
    let fetchesAreMarked = processor.isNoExecuteEnabled || processor.isSMEPEnabled
    if (errorCode & 0x10 != 0) != (isFetch && fetchesAreMarked) {
      return .instructionFetchBit(expectation.access)
    }
    let hasKeys = processor.isPKEEnabled || processor.isPKSEnabled
    if errorCode & 0x20 != 0 && (isFetch || !hasKeys) { return .protectionKeyBit }
    if errorCode & 0x28 != 0 && !isPresent { return .presentBitMissing }
    return nil
  }
}

/// What makes two expectations speak about the same thing.
private struct ExpectedAccess: Hashable {
  let linearAddress: UInt64
  let access: AccessKind
  let privilege: PrivilegeLevel

  init(_ expectation: Expectation) {
    linearAddress = expectation.linearAddress
    access = expectation.access
    privilege = expectation.privilege
  }
}

extension ExpectedOutcome {
  /// True when some machine can meet both.
  fileprivate func isCompatible(with other: ExpectedOutcome) -> Bool {
    switch (self, other) {
    case (.success(let first), .success(let second)):
      first == nil || second == nil || first == second
    case (.fault(let first), .fault(let second)):
      first == nil || second == nil || first == second
    default: false
    }
  }
}
