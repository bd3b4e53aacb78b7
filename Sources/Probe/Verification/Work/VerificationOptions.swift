// VerificationOptions: how a verification is made.

import GuestMem

/// How a verification is made.
public struct VerificationOptions: Sendable {
  /// The time limit of the whole run.
  public var timeLimit: Duration = .seconds(60)
  /// How many virtual machines may run at once.
  public var workerCount: Int = processorCount()
  /// What happens to pages that the machine does not support.
  public var unsupportedPages: UnsupportedPagePolicy = .skip
  /// How much of what is mapped is executed.
  ///
  /// A plan that a caller gives is executed as it is.
  public var extent = ProbeExtent.reduced
  /// The largest number of pages in the plan for an image, of at most six probes each; of an
  /// exhaustive one the number of its stretches of neighbouring pages that are alike.
  ///
  /// What does not fit is counted as ``NotRunReason/beyondPlan``.
  public var pageLimit = 1 << 22
  /// Shared tables of an image that make more paths to leaves than this are gone through once for each
  /// level and set of rights, unless the extent is exhaustive.
  public static let expandedPathLimit: UInt64 = 1 << 18
  /// Asked before each batch of probes, from any thread: once it answers true, no more are made.
  public var isCancelled: @Sendable () -> Bool = { false }
  /// Called with the number of finished probes, from any thread.
  public var observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)?
  /// Called for each machine that is asked, from any thread: when its probes are planned, and once more
  /// when the first of several rounds of them has told the rate.
  public var estimateObserver: (@Sendable (VerificationEstimate) -> Void)?

  /// Code by physical frame that fetch probes run instead of the stub: how tests make guests that
  /// die.
  var guestCode: [UInt64: [UInt8]] = [:]

  /// A minute, and one virtual machine per core.
  public init() {}
}

extension VerificationOptions {
  /// Counts the probes of `plan`, which the machine of `setup` makes until `deadline`.
  func progress(
    of plan: ProbePlan, _ setup: ExperimentSetup, _ deadline: ContinuousClock.Instant
  ) -> ProgressCounter {
    let machine = setup.profile.identity.name
    return ProgressCounter(
      totalCount: plan.probeCount, observer: observer,
      estimator: estimateObserver.map {
        ProgressCounter.Estimator(machine: machine, deadline: deadline, observer: $0)
      })
  }
}
