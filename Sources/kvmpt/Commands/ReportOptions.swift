// ReportOptions: the options of every command that reports something.

import ArgumentParser

/// The formats of a report about probes.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case text, json, junit, tap
}

extension ColorChoice: ExpressibleByArgument {}

/// Where a report goes and how it looks.
struct ReportOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write the report to a file.")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Use colour: \(ColorChoice.allCases.map(\.rawValue).joined(separator: ", ")).",
      discussion: "NO_COLOR, CLICOLOR_FORCE and TERM=dumb are respected with auto.",
      valueName: "when"))
  var color = ColorChoice.auto

  /// Opens the output; do this before the work, so that a bad path costs no time.
  func open() throws(CommandFailure) -> ReportDestination {
    do throws(ReportDestinationError) {
      return try ReportDestination(path: output)
    } catch {
      throw CommandFailure(error)
    }
  }

  /// The styler for a report that goes to `destination`.
  func styler(for destination: ReportDestination) -> TextStyler {
    TextStyler(
      isEnabled: color.usesColor(
        onTerminal: destination.isTerminal, environment: environmentVariable))
  }
}

extension ReportDestination {
  /// Writes what is left, and explains when that fails.
  func close() throws(CommandFailure) {
    do throws(ReportDestinationError) {
      try finish()
    } catch {
      throw CommandFailure(error)
    }
  }
}
