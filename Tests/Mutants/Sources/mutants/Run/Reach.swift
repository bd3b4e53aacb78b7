// Reach: which suites come to the place of which mutant, and how long each suite takes.

import Foundation

/// What one run of every suite without a mutant showed.
struct Reach: Codable, Sendable {
  struct Suite: Codable, Sendable {
    let seconds: Double
    /// Numbers of the mutants whose place was reached.
    let mutants: Set<Int>
    /// False when its time was up: it takes longer, and may come to more places.
    let isWhole: Bool
  }

  /// By name; suites that fail without a mutant are not among them.
  var suites: [String: Suite] = [:]
  /// Suites that cannot judge here, and why.
  var unusable: [String: String] = [:]

  /// Suites that come to the mutant, quickest first.
  func suites(reaching mutant: Int) -> [(name: String, suite: Suite)] {
    suites.filter { $0.value.mutants.contains(mutant) }
      .map { ($0.key, $0.value) }
      .sorted { ($0.1.seconds, $0.0) < ($1.1.seconds, $1.0) }
  }

  /// What one suite showed by itself.
  private struct Trace: Sendable {
    let name: String
    let seconds: Double
    let outcome: SuiteOutcome
    let mutants: Set<Int>
  }

  /// Runs each suite by itself, for `limit` seconds; `count` mutants are in the build.
  mutating func trace(
    _ runner: SuiteRunner, count: Int, suites: [String], limit: Double, workers: Int, work: URL
  ) async throws {
    let traces = try await withThrowingTaskGroup(of: [Trace].self) { group in
      for worker in 0..<workers {
        group.addTask {
          var traces: [Trace] = []
          for (index, suite) in suites.enumerated() where index % workers == worker {
            let one = try await Self.trace(
              runner, count: count, suite, limit: limit, worker: worker, work: work)
            say("suite \(index + 1) of \(suites.count): \(suite) \(Int(one.seconds * 1000)) ms")
            traces.append(one)
          }
          return traces
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    for one in traces {
      switch one.outcome {
      case .passed, .hung:
        let isWhole = if case .hung = one.outcome { false } else { true }
        self.suites[one.name] = Suite(seconds: one.seconds, mutants: one.mutants, isWhole: isWhole)
      case .failed(_, let message): unusable[one.name] = message
      case .crashed(_, let status): unusable[one.name] = "ended with \(status)"
      }
    }
    for (suite, why) in unusable.sorted(by: { $0.key < $1.key }) {
      say("cannot judge here: \(suite): \(why)")
    }
  }

  private static func trace(
    _ runner: SuiteRunner, count: Int, _ suite: String, limit: Double, worker: Int, work: URL
  ) async throws -> Trace {
    let reached = work.appending(path: "trace-reached-\(worker)")
    try Data(count: max(count, 1)).write(to: reached)
    let start = ContinuousClock.now
    let outcome = try await runner.run(
      [suite], mutant: -1, reached: reached, limit: limit,
      events: work.appending(path: "trace-events-\(worker)"))
    let elapsed = (ContinuousClock.now - start).components
    let bytes = [UInt8](try Data(contentsOf: reached))
    return Trace(
      name: suite, seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18,
      outcome: outcome, mutants: Set(bytes.indices.filter { bytes[$0] != 0 }))
  }
}
