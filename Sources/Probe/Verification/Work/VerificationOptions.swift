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
  /// The largest number of pages in the plan for an image, of at most six probes each.
  ///
  /// What does not fit is counted as ``NotRunReason/beyondPlan``.
  public var pageLimit = 1 << 22
  /// Asked before each batch of probes, from any thread: once it answers true, no more are made.
  public var isCancelled: @Sendable () -> Bool = { false }
  /// Called with the number of finished probes, from any thread.
  public var observer: (@Sendable (_ doneCount: Int, _ totalCount: Int) -> Void)?

  /// Code by physical frame that fetch probes run instead of the stub: how tests make guests that
  /// die.
  var guestCode: [UInt64: [UInt8]] = [:]

  /// A minute, and one virtual machine per core.
  public init() {}
}
