// DeviationEffect: what a machine does instead of what the manual says.

import MMU

/// A way of differing from the manual.
public enum DeviationEffect: Hashable, Sendable {
  /// The error code lacks these bits.
  case errorCodeLacks(UInt32)
  /// The error code has these bits besides.
  case errorCodeHas(UInt32)
  /// The access faults as if an entry were not present.
  case faultsAsNotPresent
  /// The access faults, with P and RSVD of the error code not to be relied on.
  case faultsAnyhow
  /// This exception comes instead.
  case exception(vector: UInt8)
  /// The access succeeds.
  case succeeds
  /// A or D differs.
  case flags(FlagDifference)

  /// The access faults whatever the tables say.
  var hidesTables: Bool { self == .faultsAsNotPresent || self == .faultsAnyhow }

  /// P and RSVD, which say why a page fault came; W, U and I say what was tried.
  private static let reasons = PageFaultErrorCode([.present, .reserved, .protectionKey]).rawValue

  /// True when a machine with this effect gives `response` where the model says `modelled`; that may
  /// be what the manual says, too, such as an error code that has not the bits that it would lack.
  func allows(
    _ response: DeviationResponse, insteadOf modelled: AccessOutcome, _ subject: DeviationSubject
  ) -> Bool {
    switch (self, response) {
    case (.errorCodeLacks(let bits), .pageFault(let code)):
      guard case .pageFault(let expected) = modelled else { return false }
      return code == expected.rawValue & ~bits
    case (.errorCodeHas(let bits), .pageFault(let code)):
      guard case .pageFault(let expected) = modelled else { return false }
      return code == expected.rawValue | bits
    case (.faultsAsNotPresent, .pageFault(let code)):
      return code & Self.reasons == 0 && isAttempt(code, modelled, subject)
    case (.faultsAnyhow, .pageFault(let code)):
      return isAttempt(code & ~Self.reasons, modelled, subject)
    case (.exception(let vector), .exception(let found, let code)):
      return vector == found && code == 0
    case (.succeeds, .success): return true
    case (.flags(let difference), .flags(let found)): return difference == found
    default: return false
    }
  }

  /// True when W and U are those of the access, and I is not set for another one.
  ///
  /// Whether I is reported depends on the mode, and whoever faults whatever the tables say walks in a
  /// mode of its own: KVM PVM's host has NXE set where the guest has not.
  private func isAttempt(
    _ code: UInt32, _ modelled: AccessOutcome, _ subject: DeviationSubject
  ) -> Bool {
    let fetch = subject.kind == .fetch ? PageFaultErrorCode.instructionFetch.rawValue : 0
    if case .pageFault(let expected) = modelled {
      return code & ~fetch & ~Self.reasons == expected.rawValue & ~fetch & ~Self.reasons
    }
    var expected: UInt32 = subject.kind == .write ? PageFaultErrorCode.write.rawValue : 0
    if subject.privilege == .user && subject.origin != .implicitSupervisor {
      expected |= PageFaultErrorCode.user.rawValue
    }
    return code & ~fetch & ~Self.reasons == expected
  }

  /// The effects that would explain `response`, the most telling first.
  static func candidates(
    for response: DeviationResponse, insteadOf modelled: AccessOutcome
  ) -> [DeviationEffect] {
    switch response {
    case .success: return [.succeeds]
    case .pageFault(let code):
      var effects: [DeviationEffect] = []
      if case .pageFault(let expected) = modelled {
        let missing = expected.rawValue & ~code
        let extra = code & ~expected.rawValue
        if extra == 0 { effects.append(.errorCodeLacks(missing)) }
        if missing == 0 { effects.append(.errorCodeHas(extra)) }
      }
      return effects + [.faultsAsNotPresent, .faultsAnyhow]
    case .exception(let vector, errorCode: 0): return [.exception(vector: vector)]
    case .flags(let difference):
      return difference.contains(.other) ? [] : [.flags(difference)]
    case .wrongPage, .wrongAddress, .exception, .lost: return []
    }
  }

  /// The place in the order in which rules prefer effects.
  var order: Int {
    switch self {
    case .errorCodeLacks: 0
    case .errorCodeHas: 1
    case .exception: 2
    case .succeeds: 3
    case .flags: 4
    case .faultsAsNotPresent: 5
    case .faultsAnyhow: 6
    }
  }
}
