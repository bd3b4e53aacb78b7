// LieCampaign: many pairs of space and lie, on every core.

import Dispatch
import Synchronization

/// Runs trials of consecutive seeds.
public struct LieCampaign: Sendable {
  /// What a number of pairs came to.
  public struct Summary: Sendable {
    /// The pairs.
    public var pairCount = 0
    /// Pairs by kind of lie.
    public var kindCounts: [Lie.Kind: Int] = [:]
    /// Lies that matter, each reported for the built space and for the image.
    public var matteringCount = 0
    /// Lies that do not matter.
    public var harmlessCount = 0
    /// Lies that lead tables to where no memory is.
    public var undeterminedCount = 0
    /// Probes that a machine answered.
    public var executedCount = 0
    /// What went wrong, with the seed that repeats it.
    public var failures: [(seed: UInt64, words: String)] = []
  }

  private let trial: LieTrial

  /// A campaign of `trial`s.
  public init(_ trial: LieTrial) { self.trial = trial }

  /// Runs the pairs of `count` seeds from `first` on; `observer` hears of each pair.
  public func run(
    count: Int, from first: UInt64, workerCount: Int, observer: @Sendable (Int) -> Void = { _ in }
  ) -> Summary {
    let summary = Mutex(Summary())
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: max(1, workerCount)) { _ in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        let seed = first &+ UInt64(index)
        let result = trial.run(seed: seed)
        let done = summary.withLock {
          $0.add(result, seed: seed)
          return $0.pairCount
        }
        observer(done)
      }
    }
    return summary.withLock { $0 }
  }
}

extension LieCampaign.Summary {
  fileprivate mutating func add(_ result: LieTrial.Result, seed: UInt64) {
    pairCount += 1
    executedCount += result.executedCount
    if let lie = result.lie { kindCounts[lie.kind, default: 0] += 1 }
    switch result.effect {
    case .matters: matteringCount += 1
    case .harmless: harmlessCount += 1
    case .undetermined: undeterminedCount += 1
    }
    for (fault, place) in result.faults {
      let lie = result.lie.map { "; \($0.words)" } ?? ""
      failures.append((seed, "\(fault.rawValue): \(place); \(result.effect)\(lie)"))
    }
  }

  /// The summary in a line.
  public var words: String {
    let kinds = Lie.Kind.allCases.map { "\(kindCounts[$0] ?? 0) x \($0.rawValue)" }
    return "\(pairCount) pairs of space and lie (\(kinds.joined(separator: ", "))), each as a built"
      + " space and as an image: \(matteringCount) matter, \(harmlessCount) do not,"
      + " \(undeterminedCount) undetermined; \(executedCount) probes executed,"
      + " \(failures.count) wrong"
  }
}
