// EffectiveRights: which accesses a translation allows in one mode, for listings.

/// The accesses that succeed at an address.
@frozen public struct EffectiveRights: OptionSet, Hashable, Sendable {
  /// Bit 0 read, bit 1 write, bit 2 fetch.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Data reads succeed.
  @inlinable public static var read: Self { Self(rawValue: 1) }
  /// Data writes succeed.
  @inlinable public static var write: Self { Self(rawValue: 2) }
  /// Instruction fetches succeed.
  @inlinable public static var fetch: Self { Self(rawValue: 4) }
}

extension EffectiveRights: CustomStringConvertible {
  /// Three letters, such as `rwx`, `r--` or `---`.
  public var description: String {
    (contains(.read) ? "r" : "-") + (contains(.write) ? "w" : "-") + (contains(.fetch) ? "x" : "-")
  }
}

extension Walk {
  /// The explicit accesses that succeed at the address of this walk in `mode`.
  @inlinable
  public func effectiveRights(
    mode: CPUMode, configuration: PagingConfiguration
  ) -> EffectiveRights {
    guard let translation else { return [] }
    var rights: EffectiveRights = []
    for kind in AccessKind.allCases {
      let decision = AccessRights(Access(kind), mode: mode, rules: EveryRule())
      guard !decision.isStopped(translation, key: translation.protectionKey) else { continue }
      switch kind {
      case .read: rights.formUnion(.read)
      case .write: rights.formUnion(.write)
      case .fetch: rights.formUnion(.fetch)
      }
    }
    return rights
  }
}
