// DeviationEffect, as text: stable names for files, and words for people.

import MMU

extension DeviationEffect {
  /// The stable name of the effect, such as `error-code-lacks`.
  public var name: String {
    switch self {
    case .errorCodeLacks: "error-code-lacks"
    case .errorCodeHas: "error-code-has"
    case .faultsAsNotPresent: "faults-as-not-present"
    case .faultsAnyhow: "faults-anyhow"
    case .exception: "exception"
    case .succeeds: "succeeds"
    case .flags: "flags"
    }
  }

  /// The number that belongs to the effect, or nil: bits, a vector, or differences of flags.
  public var number: UInt32? {
    switch self {
    case .errorCodeLacks(let bits), .errorCodeHas(let bits): bits
    case .exception(let vector): UInt32(vector)
    case .flags(let difference): UInt32(difference.rawValue)
    case .faultsAsNotPresent, .faultsAnyhow, .succeeds: nil
    }
  }

  /// The effect with this name and number, or nil.
  public init?(name: String, number: UInt32?) {
    switch (name, number) {
    case ("error-code-lacks", let bits?) where bits != 0: self = .errorCodeLacks(bits)
    case ("error-code-has", let bits?) where bits != 0: self = .errorCodeHas(bits)
    case ("faults-as-not-present", nil): self = .faultsAsNotPresent
    case ("faults-anyhow", nil): self = .faultsAnyhow
    case ("exception", let vector?) where vector < 32: self = .exception(vector: UInt8(vector))
    case ("succeeds", nil): self = .succeeds
    case ("flags", let bits?)
    where bits != 0 && bits & ~UInt32(FlagDifference.excusable.rawValue) == 0:
      self = .flags(FlagDifference(rawValue: UInt8(bits)))
    default: return nil
    }
  }

  /// What the machine does, as a sentence without its end.
  var words: String {
    switch self {
    case .errorCodeLacks(let bits):
      "the error code lacks \(PageFaultErrorCode(rawValue: bits))"
    case .errorCodeHas(let bits):
      "the error code has \(PageFaultErrorCode(rawValue: bits)) besides"
    case .faultsAsNotPresent: "the access faults as if nothing were mapped"
    case .faultsAnyhow:
      "the access faults whatever the tables say, with an error code that is not to be relied on"
    case .exception(let vector): "exception \(vector) comes"
    case .succeeds: "the access succeeds"
    case .flags(let difference): difference.words
    }
  }
}

extension FlagDifference {
  var words: String {
    var parts: [String] = []
    if contains(.accessedMissing) { parts.append("A is not set") }
    if contains(.accessedExtra) { parts.append("A is set without need") }
    if contains(.dirtyMissing) { parts.append("D is not set") }
    if contains(.dirtyExtra) { parts.append("D is set without a write") }
    if contains(.accessedMissingAbove) { parts.append("A is not set in an entry above the last") }
    if contains(.accessedExtraAbove) {
      parts.append("A is set without need in an entry above the last")
    }
    if contains(.other) { parts.append("another bit changes") }
    return parts.joined(separator: " and ")
  }
}
