// kvmpt merge: one report of the reports of several shards.

import ArgumentParser
import Probe

struct MergeCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Put the JSON reports of conform's shards together.",
    discussion: """
      The shards must be of one profile and one count, and from machines with the same walker and \
      the same features. Rules are derived again from everything together.

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

  @Option(help: "The format of the report.")
  var format = ConformCommand.Format.text

  @OptionGroup var report: ReportOptions

  var namedFiles: CommandFiles {
    CommandFiles(
      read: files, written: [("--output", report.output), ("--write-profile", profilePath)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    var reports: [ConformanceReport] = []
    for path in files { reports.append(try ResultFile.conformance(at: path)) }
    let merged: ConformanceReport
    do throws(ConformanceMergeError) {
      merged = try ConformanceReport.merged(reports)
    } catch {
      throw CommandFailure(.badInput, error.message, hint: error.hint)
    }
    let destination = try report.open()
    if let path = profilePath { try merged.writeMachineProfile(to: path) }
    return try merged.write(format, to: destination, styler: report.styler(for: destination))
  }
}
