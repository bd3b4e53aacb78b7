// ConformanceProfile, ConformanceShard: which cases a run of `kvmpt conform` covers.

/// A space of cases.
public enum ConformanceProfile: String, CaseIterable, Sendable {
  /// A covering sample of `full`.
  case quick
  /// The space of kvm-unit-tests' `access`.
  case access
  /// Everything that this machine can do.
  case full
}

/// One of several equal shares of a profile's blocks.
public struct ConformanceShard: Hashable, Sendable {
  /// The number of this share, from 1 to `count`.
  public let number: Int
  /// How many shares there are.
  public let count: Int

  /// The whole profile.
  public static let whole = ConformanceShard(unchecked: 1, of: 1)

  /// Nil unless `number` lies between 1 and `count`.
  public init?(_ number: Int, of count: Int) {
    guard count >= 1, (1...count).contains(number) else { return nil }
    self.init(unchecked: number, of: count)
  }

  private init(unchecked number: Int, of count: Int) {
    self.number = number
    self.count = count
  }

  /// Whether the block with this index belongs to the share.
  func includes(_ index: Int) -> Bool { index % count == number - 1 }
}
