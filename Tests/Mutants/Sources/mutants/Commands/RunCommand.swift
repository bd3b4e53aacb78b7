// run: builds the mutants and judges those that are not judged yet.

import ArgumentParser
import Foundation

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Builds the mutants at once and judges those that are not judged yet.",
    discussion: "Every outcome is saved when it is there; a run goes on where the last one stopped."
  )

  /// What is judged.
  enum Selection: String, ExpressibleByArgument, CaseIterable {
    case new, survivors, unfinished, all
  }

  @OptionGroup var options: WorkspaceOptions

  @Option(help: "How many mutants are chosen.")
  var count = 700

  @Option(help: "Only this module.")
  var module: String?

  @Option(
    help: """
      Which mutants: new ones without an outcome; survivors once more; unfinished ones, which only \
      quick suites were asked about; all once more.
      """)
  var only = Selection.new

  @Option(help: "Suites that take longer (in seconds) are not asked.")
  var suiteSeconds: Double?

  @Option(help: "A file with suites that were asked before and are not asked again, one a line.")
  var askedBefore: String?

  @Option(help: "Stop after so many minutes.")
  var minutes: Double = 600

  @Option(help: "How many mutants are judged at the same time, 1 or 2.")
  var workers = 2

  @Option(help: "How many jobs the build has.")
  var jobs = 2

  func validate() throws {
    guard (1...2).contains(workers) else { throw ValidationError("--workers takes 1 or 2") }
  }

  /// A mutant's name in the tool's own files.
  static func key(_ mutant: Mutant) -> String {
    let one = mutant.identity
    return [
      one.file, one.function, one.edit.rawValue, one.before, one.after, "\(one.ordinal)",
      mutant.functionDigest,
    ].joined(separator: "\t")
  }

  func run() async throws {
    let deadline = ContinuousClock.now + .seconds(minutes * 60)
    var workspace = try Workspace(options)
    for identity in workspace.stale(in: workspace.results) { workspace.results.remove(identity) }
    let chosen = workspace.chosen(count).filter { module == nil || $0.module == module }
    // Numbers stay where a mutant turns out not to compile, so that little is built again.
    let built = chosen.map {
      switch workspace.judgement(of: $0) {
      case .notCompilable, .equivalent: nil as Mutant?
      default: $0
      }
    }
    let asked = built.compactMap(\.self).filter { isAsked(workspace.judgement(of: $0)) }
    say("\(chosen.count) mutants are chosen, \(asked.count) are asked")
    if asked.isEmpty { return }

    var build = MutantBuild(
      MutantPackage(root: workspace.root, work: workspace.work), work: workspace.work,
      files: workspace.files, mutants: built)
    try build.build(jobs: jobs) { try workspace.save($0, .notCompilable) }

    let runner = SuiteRunner(
      bundle: build.bundle, folder: build.package.folder, confinement: .best())
    let reach = try await traced(build, runner, workspace)
    let numbered = build.mutants.enumerated().compactMap { number, mutant in
      mutant.map { (number, $0) }
    }
    try saveSuites(numbered, reach, workspace)
    let judge = Judge(
      runner: runner, reach: reach, work: workspace.work, suiteSeconds: suiteSeconds,
      askedBefore: try askedSuites(), deadline: deadline)
    let wanted = Set(asked.map(\.identity))
    let recorder = Recorder(workspace, total: wanted.count)
    try await judge.judge(numbered.filter { wanted.contains($0.1.identity) }, workers: workers) {
      try await recorder.record($0, $1, $2)
    }
    print(MutantCounts.table(await recorder.workspace))
  }

  private func askedSuites() throws -> Set<String> {
    guard let askedBefore else { return [] }
    let text = try String(contentsOfFile: askedBefore, encoding: .utf8)
    return Set(text.split(separator: "\n").map(String.init))
  }

  private func isAsked(_ judgement: Judgement?) -> Bool {
    switch only {
    case .all: true
    case .new: judgement == nil
    case .survivors: judgement == nil || judgement?.isSurvival == true
    case .unfinished: judgement == nil || judgement == .survivedSoFar
    }
  }

  /// The reach of this build; that of an equal build is kept.
  private func traced(
    _ build: MutantBuild, _ runner: SuiteRunner, _ workspace: Workspace
  ) async throws -> Reach {
    let file = workspace.work.appending(path: "reach.json")
    let attributes = try FileManager.default.attributesOfItem(atPath: build.bundle.path)
    let date = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    var reach = Reach()
    if let data = try? Data(contentsOf: file),
      let kept = try? JSONDecoder().decode(KeptReach.self, from: data), kept.bundleDate == date
    {
      reach = kept.reach
    }
    // A quick run need not know how slow the slow suites are.
    let limit = suiteSeconds.map { $0 * 2 } ?? 900
    let suites = try runner.suites().filter { name in
      if reach.unusable[name] != nil { return false }
      return reach.suites[name].map { !$0.isWhole && $0.seconds < limit } ?? true
    }
    try await reach.trace(
      runner, count: build.mutants.count, suites: suites, limit: limit, workers: workers,
      work: workspace.work)
    try JSONEncoder().encode(KeptReach(bundleDate: date, reach: reach)).write(to: file)
    return reach
  }

  private struct KeptReach: Codable {
    let bundleDate: Double
    let reach: Reach
  }

  /// For `list --survivors`.
  private func saveSuites(
    _ mutants: [(Int, Mutant)], _ reach: Reach, _ workspace: Workspace
  ) throws {
    var suites: [String: [String]] = [:]
    for (number, mutant) in mutants {
      suites[Self.key(mutant)] = reach.suites(reaching: number).map(\.name)
    }
    let data = try JSONEncoder().encode(suites)
    try data.write(to: workspace.work.appending(path: "suites.json"))
  }
}

/// Saves outcomes, one at a time.
actor Recorder {
  private(set) var workspace: Workspace
  private var count = 0
  private let total: Int

  init(_ workspace: Workspace, total: Int) {
    self.workspace = workspace
    self.total = total
  }

  func record(_ mutant: Mutant, _ judgement: Judgement, _ why: String) throws {
    count += 1
    try workspace.save(mutant, judgement)
    let identity = mutant.identity
    say(
      "\(count)/\(total) \(identity.file):\(mutant.line) [\(identity.edit.rawValue)]"
        + " \(judgement.text) \(why)")
  }
}
