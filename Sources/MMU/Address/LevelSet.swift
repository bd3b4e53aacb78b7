// LevelSet: some of the levels of a walk.

/// A set of levels; bit 0 is the page table, bit 4 the PML5.
@frozen public struct LevelSet: OptionSet, Hashable, Sendable {
  /// One bit for each level, bit `level - 1`.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// No level.
  @inlinable public static var empty: LevelSet { LevelSet(rawValue: 0) }

  /// The set that contains `level` alone.
  @inlinable public init(_ level: Level) { rawValue = 1 &<< (level.rawValue &- 1) }

  /// The levels from `lowest` up to and including `highest`; empty when `lowest` is the higher one.
  @inlinable
  public init(from lowest: Level, through highest: Level) {
    let upToHighest = (1 as UInt8) &<< highest.rawValue &- 1
    let belowLowest = (1 as UInt8) &<< (lowest.rawValue &- 1) &- 1
    rawValue = upToHighest & ~belowLowest
  }

  /// The levels above `level`, up to and including `root`.
  @inlinable
  public init(above level: Level, upTo root: Level) {
    rawValue = LevelSet(from: level, through: root).rawValue & ~LevelSet(level).rawValue
  }

  /// True when `level` is in the set.
  @inlinable
  public func contains(_ level: Level) -> Bool { rawValue & LevelSet(level).rawValue != 0 }

  /// The levels of the set, from the root down.
  public var levels: [Level] { Level.allCases.reversed().filter(contains) }
}
