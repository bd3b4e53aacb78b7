// AccessPrediction: everything the model says about an access before it is made.

/// What an access does: to the program, and to the entries it goes through.
///
/// The processor only ever sets A and D; no other bit of any entry changes, and no entry that is
/// named neither here as "must" nor as "may" changes at all.
///
/// Source: Intel SDM volume 3A, sections 5.6 to 5.8.
@frozen public struct AccessPrediction: Hashable, Sendable {
  /// What the program sees.
  public let outcome: AccessOutcome
  /// The levels whose entry has A set afterwards.
  public let mustSetAccessed: LevelSet
  /// The levels whose entry may have A set afterwards, or be as it was.
  ///
  /// Machines differ about a fault: the entries above the one that ended the walk, or above the
  /// leaf that refused the access, may be marked. That entry itself is never marked, which is a
  /// rule of the model: the manual leaves a refusing leaf's A to the processor.
  ///
  /// Source: Intel SDM volume 3A, section 7.15 (interrupt 14, footnote on the accessed flag).
  public let maySetAccessed: LevelSet
  /// The level of the leaf that has D set afterwards, or nil when the access sets none.
  public let mustSetDirty: Level?
  /// Why the access fails, or nil when it succeeds.
  public let blame: Blame?

  /// Puts a prediction together.
  @inlinable
  public init(
    outcome: AccessOutcome, mustSetAccessed: LevelSet = .empty,
    maySetAccessed: LevelSet = .empty,
    mustSetDirty: Level? = nil, blame: Blame? = nil
  ) {
    self.outcome = outcome
    self.mustSetAccessed = mustSetAccessed
    self.maySetAccessed = maySetAccessed
    self.mustSetDirty = mustSetDirty
    self.blame = blame
  }
}
