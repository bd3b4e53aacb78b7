// ContractViolation: a place where an invariant does not hold.

public import MMU

/// One violation of a rule, with where it was found.
public struct ContractViolation: Hashable, Sendable, CustomStringConvertible {
  /// The rule.
  public var rule: ContractRule
  /// The indices from the root down to the entry; empty for the root and for frames.
  public var path: [Int]
  /// The first linear address that the entry decides.
  public var linearAddress: UInt64
  /// The level of the table that the entry stands in.
  public var level: Level
  /// The entry, or the metadata word that is wrong.
  public var word: UInt64
  /// The frame of the table, or the frame that is wrong.
  public var frame: UInt64
  /// What was found and what was expected, in lower case.
  public var detail: String

  /// Takes the parts as they are.
  public init(
    rule: ContractRule, path: [Int], linearAddress: UInt64, level: Level, word: UInt64,
    frame: UInt64, detail: String
  ) {
    self.rule = rule
    self.path = path
    self.linearAddress = linearAddress
    self.level = level
    self.word = word
    self.frame = frame
    self.detail = detail
  }

  /// One line with everything.
  public var description: String {
    let steps = path.map(String.init).joined(separator: ".")
    return "\(rule.number) \(rule.rawValue): \(detail) [\(level.abbreviation)"
      + " frame \(hexadecimal(frame)) path \(steps.isEmpty ? "-" : steps)"
      + " address \(hexadecimal(linearAddress)) word \(hexadecimal(word))]"
  }
}
