// Judge: runs each mutant against the suites that come to its place.

import Foundation

/// Judges mutants of one build, several at a time.
struct Judge: Sendable {
  let runner: SuiteRunner
  let reach: Reach
  let work: URL
  /// Suites that take longer are not asked; nil asks all.
  let suiteSeconds: Double?
  /// Suites that passed with these mutants before.
  let askedBefore: Set<String>
  let deadline: ContinuousClock.Instant

  /// Mutants that wait, with their numbers in the build.
  private actor Queue {
    private var rest: ArraySlice<(Int, Mutant)>

    init(_ mutants: [(Int, Mutant)]) { rest = mutants[...] }

    func next() -> (Int, Mutant)? { rest.popFirst() }
  }

  /// Tells `judged` each outcome as soon as it is there; ends early at the deadline.
  func judge(
    _ mutants: [(Int, Mutant)], workers: Int,
    judged: @escaping @Sendable (Mutant, Judgement, String) async throws -> Void
  ) async throws {
    let queue = Queue(mutants)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<workers {
        group.addTask {
          let events = work.appending(path: "events-\(worker)")
          while ContinuousClock.now < deadline, let (number, mutant) = await queue.next() {
            let (judgement, why) = try await outcome(of: number, events: events)
            try await judged(mutant, judgement, why)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  private func outcome(of number: Int, events: URL) async throws -> (Judgement, String) {
    let all = reach.suites(reaching: number)
    // A suite whose time was up may come to more places.
    let isKnown = reach.suites.values.allSatisfy(\.isWhole)
    if all.isEmpty { return (isKnown ? .notReached : .survivedSoFar, "not reached") }
    let asked = all.filter { $0.suite.isWhole && $0.suite.seconds <= suiteSeconds ?? .infinity }
    let open = asked.filter { !askedBefore.contains($0.name) }
    for batch in Self.batches(open.map { ($0.name, $0.suite.seconds) }) {
      let seconds = batch.map(\.seconds)
      let limit = 20 + 10 * (seconds.max() ?? 0) + 3 * seconds.reduce(0, +)
      switch try await runner.run(
        batch.map(\.name), mutant: number, limit: limit, events: events)
      {
      case .passed: continue
      case .failed(let suite, let message): return (.caught(suite: suite, how: nil), message)
      case .crashed(let suites, let status):
        return (.caught(suite: suites.first ?? batch[0].name, how: "crash"), "status \(status)")
      case .hung(let suites):
        return (.caught(suite: suites.first ?? batch[0].name, how: "hang"), "after \(limit) s")
      }
    }
    let isWhole = isKnown && asked.count == all.count
    return (isWhole ? .survived : .survivedSoFar, "\(asked.count) of \(all.count) suites")
  }

  /// Suites that run in one process, the quickest first; the first issue of any ends it.
  private static func batches(
    _ suites: [(name: String, seconds: Double)]
  ) -> [[(name: String, seconds: Double)]] {
    var batches: [[(name: String, seconds: Double)]] = []
    var sum = 0.0
    var limit = 3.0
    for suite in suites {
      if batches.isEmpty || sum + suite.seconds > limit {
        if !batches.isEmpty { limit *= 4 }
        batches.append([])
        sum = 0
      }
      batches[batches.count - 1].append(suite)
      sum += suite.seconds
    }
    return batches
  }
}
