// share: some of the caught mutants once more, each against the suite that caught it.

import ArgumentParser
import Foundation

struct ShareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "share",
    abstract: "Tries a share of the caught mutants again; fails when one of them survives now.",
    discussion: """
      The shares are of about the same size and together all caught mutants whose function is what \
      it was. A share is about one or two test targets, so that little must be built. Nothing is \
      saved.
      """)

  @OptionGroup var options: WorkspaceOptions

  @Argument(help: "Which share, from 0; taken modulo the number of shares.")
  var number: Int

  @Option(help: "Into how many shares the caught mutants are divided.")
  var of = 40

  @Option(help: "Judge no further mutant after so many minutes from the end of the build.")
  var minutes: Double = 10

  @Option(help: "How many mutants are judged at the same time, 1 or 2.")
  var workers = 2

  func run() async throws {
    let workspace = try Workspace(options)
    let share = CaughtMutant.share(number, of: of, workspace)
    let targets = Set(share.map(\.testTarget))
    say("\(share.count) mutants, caught by suites of \(targets.sorted().joined(separator: ", "))")
    if share.isEmpty { throw Failure("the share is empty") }
    let work = workspace.root.appending(path: ".build/mutants-share")
    try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
    var build = MutantBuild(
      MutantPackage(root: workspace.root, work: work, testTargets: targets), work: work,
      files: workspace.files, mutants: share.map(\.mutant))
    try build.build(jobs: 2) { _ in }
    let runner = SuiteRunner(
      bundle: build.bundle, folder: build.package.folder, confinement: .best())
    // From here, because what a build takes depends on the host alone: a limit that it can use up would try none.
    let deadline = ContinuousClock.now + .seconds(minutes * 60)
    let caught = try await outcomes(share, build, runner, deadline, work)
    try finish(share, caught)
  }

  /// What the suite of each mutant said, by number; none where the time was up.
  ///
  /// Another host may see a mutant by another suite: where that of the table passes, all suites of
  /// its test target are asked.
  private func outcomes(
    _ share: [CaughtMutant], _ build: MutantBuild, _ runner: SuiteRunner,
    _ deadline: ContinuousClock.Instant, _ work: URL
  ) async throws -> [Int: SuiteOutcome] {
    let numbers = build.mutants.indices.filter { build.mutants[$0] != nil }
    let suites = try runner.suites()
    return try await withThrowingTaskGroup(of: [Int: SuiteOutcome].self) { group in
      for worker in 0..<workers {
        group.addTask {
          var outcomes: [Int: SuiteOutcome] = [:]
          let events = work.appending(path: "events-\(worker)")
          for number in numbers where number % workers == worker {
            if ContinuousClock.now > deadline { break }
            let one = share[number]
            var outcome = try await runner.run(
              [one.suite], mutant: number, limit: 120, events: events)
            if case .passed = outcome {
              let all = suites.filter { $0.hasPrefix("\(one.testTarget).") }
              outcome = try await runner.run(all, mutant: number, limit: 300, events: events)
            }
            outcomes[number] = outcome
          }
          return outcomes
        }
      }
      return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
  }

  private func finish(_ share: [CaughtMutant], _ outcomes: [Int: SuiteOutcome]) throws {
    var survivors = 0
    for (number, one) in share.enumerated() {
      guard case .passed? = outcomes[number] else { continue }
      survivors += 1
      let identity = one.mutant.identity
      print("survives: \(identity.file):\(one.mutant.line) \(identity.function)")
      print("  \(identity.before)  ->  \(identity.after)")
      print("  was caught by \(one.suite); now all suites of \(one.testTarget) pass")
    }
    print("\(outcomes.count) of \(share.count) mutants tried, \(survivors) survive")
    if outcomes.isEmpty { throw Failure("no mutant was tried in time") }
    if survivors > 0 { throw ExitCode.failure }
  }
}

/// A mutant with the suite that caught it.
struct CaughtMutant: Sendable {
  let mutant: Mutant
  let suite: String

  var testTarget: String { String(suite.prefix { $0 != "." }) }

  static func share(_ number: Int, of count: Int, _ workspace: Workspace) -> [CaughtMutant] {
    let caught = workspace.mutants.compactMap { mutant in
      // A hang would cost its whole limit, and which suite a crash ends is not always the same.
      guard case .caught(let suite, nil) = workspace.judgement(of: mutant) else {
        return nil as CaughtMutant?
      }
      return CaughtMutant(mutant: mutant, suite: suite)
    }
    // Stable, so the seed's order stays within a target.
    let sorted = caught.enumerated().sorted {
      ($0.element.testTarget, $0.offset) < ($1.element.testTarget, $1.offset)
    }.map(\.element)
    let index = ((number % count) + count) % count
    return Array(sorted[sorted.count * index / count..<sorted.count * (index + 1) / count])
  }
}
