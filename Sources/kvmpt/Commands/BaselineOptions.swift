// BaselineOptions: what conform and merge hold the rules of a machine against.

import ArgumentParser
import Probe

/// The rules that are expected of machines.
struct BaselineOptions: ParsableArguments {
  @Option(
    name: .customLong("baseline"),
    help: ArgumentHelp(
      "The rules expected of each kind of machine. (default: those built into kvmpt)",
      valueName: "file"))
  var path: String?

  @Option(
    name: .customLong("write-baseline"),
    help: ArgumentHelp(
      "Write the baseline with the rules that were found, and this version, added to it.",
      valueName: "file"))
  var writtenPath: String?

  /// The baseline.
  func read() throws(CommandFailure) -> Baseline { try BaselineFile.read(path: path) }

  /// The baseline's name in a report.
  var name: String { path ?? "built-in" }

  /// Writes the baseline that is asked for.
  func write(
    _ baseline: Baseline, _ report: ConformanceReport, _ findings: ConformanceFindings
  ) throws(CommandFailure) {
    guard let writtenPath else { return }
    let destination: ReportDestination
    do throws(ReportDestinationError) {
      destination = try ReportDestination(path: writtenPath)
    } catch {
      throw CommandFailure(error)
    }
    let source = "kvmpt conform --profile \(report.profile.rawValue), \(report.machine.words)"
    BaselineFile.write(
      baseline.adding(
        findings.rules.map(\.rule), of: report.machine.identity, source: source),
      to: destination)
    try destination.close()
  }
}
