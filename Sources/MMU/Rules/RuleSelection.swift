// RuleSelection: which rules a model applies.

/// Some of the rules of the model.
public protocol RuleSelection: Sendable {
  /// True when `rule` is applied.
  func includes(_ rule: ArchitectureRule) -> Bool
}

/// The whole model; a walk under it costs nothing for the choice.
@frozen public struct EveryRule: RuleSelection {
  /// The only value.
  @inlinable public init() {}

  /// True.
  @inlinable @inline(__always)
  public func includes(_ rule: ArchitectureRule) -> Bool { true }
}

/// The model without one rule: wrong in one respect, to see which tests notice.
@frozen public struct EveryRuleExcept: RuleSelection, Hashable {
  /// The rule that is left out.
  public let missingRule: ArchitectureRule

  /// Leaves out `missingRule`.
  @inlinable public init(_ missingRule: ArchitectureRule) { self.missingRule = missingRule }

  /// True for every rule but ``missingRule``.
  @inlinable
  public func includes(_ rule: ArchitectureRule) -> Bool { rule != missingRule }
}
