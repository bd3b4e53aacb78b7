// ConformanceOptions, ConformanceProgress: how a profile is run, and how far it has come.

package import MMU

/// How a profile is run.
public struct ConformanceOptions: Sendable {
  /// The cases.
  public var profile = ConformanceProfile.quick
  /// The share.
  public var shard = ConformanceShard.whole
  /// The time limit of the whole run.
  public var timeLimit: Duration = .seconds(3600)
  /// How many virtual machines may run at once.
  public var workerCount = processorCount()
  /// What an earlier run of the same profile on the same kind of machine has finished.
  public var finished: ConformanceReport?
  /// Called after each block with all that is finished, from any thread but never twice at once.
  public var observer: (@Sendable (ConformanceProgress) -> Void)?
  /// Asked between blocks; true ends the run in order.
  public var isCancelled: @Sendable () -> Bool = { false }
  /// Which cases are run, where it is not the profile that decides.
  var selection: ConformanceSelection?
  /// A sample of the profile's cases instead of all, for tests.
  package var sampledOneIn: UInt64?
  /// The rule that the model lacks, to see that a run notices; nil for the whole model.
  package var missingRule: ArchitectureRule?

  /// The quick profile, whole.
  public init() {}
}

/// How far a run has come.
public struct ConformanceProgress: Sendable {
  /// The number of finished blocks, those of earlier runs included.
  public let finishedCount: Int
  /// All blocks of the share.
  public let blockCount: Int
  /// Everything that is finished, as a report; costs time.
  public let report: @Sendable () -> ConformanceReport
}
