// SuiteRun: suites of the built tests, run once with or without a mutant.

import Foundation
import Glibc

/// How a run of suites ended.
enum SuiteOutcome: Sendable {
  case passed
  /// The first issue: the suite and what it said.
  case failed(suite: String, message: String)
  /// The process ended in the middle of these suites.
  case crashed(suites: [String], status: Int32)
  /// It was still in these suites at the end of its time.
  case hung(suites: [String])
}

/// Runs suites of one built bundle.
struct SuiteRunner: Sendable {
  let bundle: URL
  /// The package's folder, where tests are started.
  let folder: URL
  let confinement: Confinement

  /// All suites, sorted.
  func suites() throws -> [String] {
    let output = try Command.run(
      bundle.path, ["--testing-library", "swift-testing", "--list-tests"], in: folder)
    guard output.status == 0 else { throw Failure("the tests cannot be listed:\n\(output.text)") }
    let names = output.text.split(separator: "\n").filter { $0.contains("/") }
      .map { String($0.prefix { $0 != "/" }) }
    return Set(names).sorted()
  }

  /// Runs `suites`, until the first issue or for `limit` seconds.
  ///
  /// `events` is a file that this run alone writes. Mutant -1 is none.
  func run(
    _ suites: [String], mutant: Int, reached: URL? = nil, limit: Double, events: URL
  ) async throws -> SuiteOutcome {
    try Data().write(to: events)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let filter = suites.map { $0.replacing(".", with: "\\.") }.joined(separator: "|")
    process.arguments =
      confinement.prefix + [
        bundle.path, "--testing-library", "swift-testing", "--filter", "^(\(filter))/",
        "--event-stream-version", "0", "--event-stream-output-path", events.path,
      ]
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    environment["KVMPT_MUTANT"] = "\(mutant)"
    // As deep as in `.ci/run`, but for what draws cases by the thousand.
    environment.merge([
      "KVMPT_FULL_TESTS": "1", "KVMPT_DAMAGES": "3000", "KVMPT_FUZZ_RESULTS": "300",
      "KVMPT_MISSING_RULES": "some",
    ]) { $1 }
    environment["KVMPT_MUTANT_REACHED"] = reached?.path ?? ""
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let watch = try EventReader(events)
    let end = ContinuousClock.now + .seconds(limit)
    while process.isRunning {
      if let issue = watch.firstIssue() {
        stop(process)
        return issue
      }
      if ContinuousClock.now > end || FreeMemory.isShort {
        stop(process)
        return .hung(suites: watch.openSuites)
      }
      try await Task.sleep(for: .milliseconds(15))
    }
    if let issue = watch.firstIssue() { return issue }
    if process.terminationStatus == 0 { return .passed }
    return .crashed(suites: watch.openSuites, status: process.terminationStatus)
  }

  /// Ends the run and what it started.
  private func stop(_ process: Process) {
    let identifier = process.processIdentifier
    if kill(-identifier, SIGKILL) != 0 { kill(identifier, SIGKILL) }
    kill(identifier, SIGKILL)
    process.waitUntilExit()
  }
}

/// Whether the machine is about to run out of memory, which a run that does not end can bring about.
enum FreeMemory {
  static var isShort: Bool {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return false }
    return kibibytes < 1_500_000
  }
}
