// Program: the entry point. Every way out has an exit code of its own.

import ArgumentParser
import Glibc

@main
enum Program {
  static func main() {
    StandardStreams.reserve()
    Interruption.ignoreFailedWrites()
    // The runtime reads the arguments from /proc; without it every command would print the help.
    if CommandLine.arguments.isEmpty {
      let failure = CommandFailure(
        .internalError, "the command line cannot be read", hint: "mount /proc")
      writeToStandardError(failure.text + "\n")
      exit(failure.status.rawValue)
    }
    let command: any ParsableCommand
    do {
      var parsed = try Kvmpt.parseAsRoot()
      // The root command and `help` have no work of their own: they throw what they print.
      guard parsed is any ReportingCommand else {
        try parsed.run()
        return
      }
      command = parsed
    } catch {
      // Help and version go to standard output with code 0, mistakes to standard error with 64.
      Kvmpt.exit(withError: error)
    }
    if let command = command as? any ReportingCommand { exit(run(command).rawValue) }
  }

  /// Runs a command and prints why it failed.
  private static func run(_ command: some ReportingCommand) -> ExitStatus {
    do throws(CommandFailure) {
      return try command.execute()
    } catch {
      let styler = TextStyler(
        isEnabled: ColorChoice.auto.usesColor(
          onTerminal: isatty(STDERR_FILENO) == 1, environment: environmentVariable))
      writeToStandardError(highlighted(error.text, styler) + "\n")
      return error.status
    }
  }

  /// The text with its `error:` and `hint:` marks in colour.
  private static func highlighted(_ text: String, _ styler: TextStyler) -> String {
    guard styler.isEnabled else { return text }
    return text.replacing("error:", with: styler("error:", .redBold))
      .replacing("\n  hint:", with: "\n  " + styler("hint:", .bold))
  }
}
