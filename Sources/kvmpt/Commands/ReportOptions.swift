// ReportOptions: the options of every command that reports something.

import ArgumentParser

/// The formats of a report about probes.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case text, json, junit, tap
}

extension ColorChoice: ExpressibleByArgument {}

/// Where a report goes, for the commands whose reports have no colour.
struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Write the report to a file.")
  var output: String?

  /// Opens the output; do this before the work, so that a bad path costs no time.
  func open() throws(CommandFailure) -> ReportDestination {
    do throws(ReportDestinationError) {
      return try ReportDestination(path: output)
    } catch {
      throw CommandFailure(error)
    }
  }
}

/// Where a report goes and how it looks.
struct ReportOptions: ParsableArguments {
  @OptionGroup var destination: OutputOptions

  @Option(
    name: .customLong("color"),
    help: ArgumentHelp(
      "Use colour: \(ColorChoice.allCases.map(\.rawValue).joined(separator: ", ")). (default: auto)",
      discussion: "NO_COLOR, CLICOLOR_FORCE and TERM=dumb are respected with auto.",
      valueName: "when"))
  var givenColor: ColorChoice?

  /// The file of `--output`.
  var output: String? { destination.output }

  /// Whether text is coloured.
  var color: ColorChoice { givenColor ?? .auto }

  /// Refuses `--color` where the report is not text.
  func refuseColor<Format: RawRepresentable<String>>(
    in format: Format
  ) throws(CommandFailure) {
    guard givenColor != nil, format.rawValue != "text" else { return }
    throw CommandFailure(
      OptionWithoutEffect(
        option: "--color", reason: "--format \(format.rawValue) is never coloured",
        scope: "text"))
  }

  /// Opens the output; do this before the work, so that a bad path costs no time.
  func open() throws(CommandFailure) -> ReportDestination { try destination.open() }

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
