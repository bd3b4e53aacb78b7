// DeviationResponse: what a machine did, as far as rules about machines tell it apart.

public import MMU

/// How A and D of the entries on the way differ from what they should be.
public struct FlagDifference: OptionSet, Hashable, Sendable {
  /// One bit per kind of difference.
  public let rawValue: UInt8
  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A was not set.
  public static let accessedMissing = FlagDifference(rawValue: 1)
  /// A was set without need.
  public static let accessedExtra = FlagDifference(rawValue: 2)
  /// D was not set.
  public static let dirtyMissing = FlagDifference(rawValue: 4)
  /// D was set without a write.
  public static let dirtyExtra = FlagDifference(rawValue: 8)
  /// Another bit changed, or an entry that the access does not use; no rule can excuse it.
  public static let other = FlagDifference(rawValue: 16)
  /// A was not set in an entry above the one at which the walk ends.
  public static let accessedMissingAbove = FlagDifference(rawValue: 32)
  /// A was set without need in an entry above the one at which the walk ends.
  public static let accessedExtraAbove = FlagDifference(rawValue: 64)

  /// Everything that a rule can be about.
  static let excusable: FlagDifference = [
    .accessedMissing, .accessedExtra, .dirtyMissing, .dirtyExtra, .accessedMissingAbove,
    .accessedExtraAbove,
  ]

  /// The same difference in the entry at `level`, where the walk ends at one at `last`.
  ///
  /// An entry below that one is not used by the access at all.
  func placed(at level: Level, whereLast last: Level?) -> FlagDifference {
    guard let last, level != last else { return self }
    guard level > last, isDisjoint(with: [.dirtyMissing, .dirtyExtra, .other]) else {
      return .other
    }
    var result: FlagDifference = []
    if contains(.accessedMissing) { result.insert(.accessedMissingAbove) }
    if contains(.accessedExtra) { result.insert(.accessedExtraAbove) }
    return result
  }

  /// Compares a word with what it should be.
  init(after: UInt64, expected: UInt64, may: UInt64) {
    let missing = expected & ~after
    let extra = after & ~expected & ~may
    var difference: FlagDifference = []
    if missing & PageTableEntry.Bit.accessed != 0 { difference.insert(.accessedMissing) }
    if extra & PageTableEntry.Bit.accessed != 0 { difference.insert(.accessedExtra) }
    if missing & PageTableEntry.Bit.dirty != 0 { difference.insert(.dirtyMissing) }
    if extra & PageTableEntry.Bit.dirty != 0 { difference.insert(.dirtyExtra) }
    let flags = PageTableEntry.Bit.accessed | PageTableEntry.Bit.dirty
    if (missing | extra) & ~flags != 0 { difference.insert(.other) }
    self = difference
  }
}

/// What a machine did with an access.
public enum DeviationResponse: Hashable, Sendable {
  /// It reached the page that the model names, as far as can be told.
  case success
  /// It reached another page.
  case wrongPage
  /// #PF with this error code and CR2 as it should be.
  case pageFault(UInt32)
  /// #PF with another CR2 than the address of the access.
  case wrongAddress(UInt32)
  /// Another exception.
  case exception(vector: UInt8, errorCode: UInt32)
  /// The guest did not survive.
  case lost(GuestDeath)
  /// The outcome is right, and A or D is not.
  case flags(FlagDifference)

  /// The response of a probe at `address`, which the model says leads to `modelled`; nil for a
  /// probe that was not made.
  init?(_ executed: ProbeOutcome, insteadOf modelled: AccessOutcome, at address: UInt64) {
    switch executed {
    case .success(.page(let page)):
      guard case .success(let expected) = modelled else {
        self = .success
        return
      }
      self = expected.rawValue & ~0xfff == page ? .success : .wrongPage
    case .success(.notObserved): self = .success
    case .success: self = .wrongPage
    case .pageFault(let code, let cr2):
      self = cr2 == address ? .pageFault(code) : .wrongAddress(code)
    case .exception(let vector, let code): self = .exception(vector: vector, errorCode: code)
    case .lost(let death): self = .lost(death)
    case .notRun: return nil
    }
  }

  /// What a machine does that follows the model.
  public init(following modelled: AccessOutcome) {
    switch modelled {
    case .success: self = .success
    case .pageFault(let code): self = .pageFault(code.rawValue)
    case .generalProtection: self = .exception(vector: 13, errorCode: 0)
    case .stackFault: self = .exception(vector: 12, errorCode: 0)
    }
  }
}
