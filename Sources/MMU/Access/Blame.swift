// Blame: the rule, the entry and the bits that stop an access.

/// Why an access fails: the rule that stops it and the place where the rule applies.
@frozen public struct Blame: Hashable, Sendable {
  /// The rule that stops the access.
  public let rule: ArchitectureRule
  /// The entry that the rule applies to; nil for a rule about the address or the whole walk.
  public let step: WalkStep?
  /// The bits of the entry that matter: clear ones that should be set, or the other way round.
  public let bits: UInt64

  /// Puts blame on `rule` at `step`.
  @inlinable
  public init(rule: ArchitectureRule, step: WalkStep? = nil, bits: UInt64 = 0) {
    self.rule = rule
    self.step = step
    self.bits = bits
  }

  /// The level of the entry, or nil when no entry is to blame.
  @inlinable public var level: Level? { step?.level }
}
