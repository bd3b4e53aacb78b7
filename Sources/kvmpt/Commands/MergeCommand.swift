// kvmpt merge: one report of the reports of several shards.

import ArgumentParser
import Probe

struct MergeCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Put the JSON reports of conform's shards together.",
    discussion: """
      The shards must be of one profile and one count, and from machines with the same walker and \
      the same features. Rules are derived again from everything together, and held against the \
      baseline. Shards that are missing make the whole incomplete, with code 77.

      EXAMPLES:
        kvmpt merge shard-1.json shard-2.json
        kvmpt merge shard-*.json --format json --output whole.json --write-profile machine.json

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp("Reports of kvmpt conform --format json.", valueName: "file"))
  var files: [String]

  @Option(
    name: .customLong("write-profile"),
    help: ArgumentHelp(
      "Write what the machine has and how it differs to a file for verify --machine-profile.",
      valueName: "file"))
  var profilePath: String?

  @OptionGroup var baseline: BaselineOptions

  @Option(help: "The format of the report.")
  var format = ConformCommand.Format.text

  @OptionGroup var report: ReportOptions

  var namedFiles: CommandFiles {
    CommandFiles(
      read: files,
      written: [
        ("--output", report.output), ("--write-profile", profilePath),
        ("--write-baseline", baseline.writtenPath),
      ])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let expected = try baseline.read()
    var reports: [ConformanceReport] = []
    for path in files { reports.append(try ResultFile.conformance(at: path)) }
    var merged: ConformanceReport
    do throws(ConformanceMergeError) {
      merged = try ConformanceReport.merged(reports)
    } catch {
      throw CommandFailure(.badInput, error.message, hint: error.hint)
    }
    let destination = try report.open()
    let identity = merged.machine.identity
    merged.machine.remarks += expected.remarks(on: identity)
    let findings = merged.findings(
      knowing: expected.rules(of: identity), deadline: ContinuousClock.now + .seconds(60))
    merged.machine.remarks += findings.searchRemarks
    if let path = profilePath { try merged.writeMachineProfile(findings, to: path) }
    try baseline.write(expected, merged, findings)
    return try merged.write(
      findings, format, baseline: baseline.name, to: destination,
      styler: report.styler(for: destination), incomplete: .unproved)
  }
}
