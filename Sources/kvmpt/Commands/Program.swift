// Program: the entry point. Every way out has an exit code of its own.

import ArgumentParser
import Glibc

@main
enum Program {
  /// How long the program has run.
  static var age: Duration { ContinuousClock.now - start }
  private static let start = ContinuousClock.now

  static func main() {
    _ = start
    Defect.install()
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
      exit(end(with: error).rawValue)
    }
    if let command = command as? any ReportingCommand { exit(run(command).rawValue) }
  }

  /// Prints what the command line came to instead of a command: help and version on standard output,
  /// mistakes on standard error.
  private static func end(with error: any Error) -> ExitStatus {
    let text = Kvmpt.fullMessage(for: error)
    guard Kvmpt.exitCode(for: error).isSuccess else {
      writeToStandardError(plain(text) + "\n")
      return .usage
    }
    do throws(CommandFailure) {
      try withStandardOutput { $0.write(text + "\n") }
      return .agreement
    } catch {
      return fail(error)
    }
  }

  private static func withStandardOutput(
    _ body: (ReportDestination) -> Void
  ) throws(CommandFailure) {
    do throws(ReportDestinationError) {
      let output = try ReportDestination(path: nil)
      body(output)
      try output.finish()
    } catch {
      throw CommandFailure(error)
    }
  }

  /// The parser quotes arguments as they are: one that would end a line costs the message its lines.
  private static func plain(_ text: String) -> String {
    let isPlain = CommandLine.arguments.allSatisfy { PlainText.oneLine($0) == $0 }
    return isPlain ? text : PlainText.oneLine(text)
  }

  /// Runs a command and prints why it failed.
  private static func run(_ command: some ReportingCommand) -> ExitStatus {
    do throws(CommandFailure) {
      try command.namedFiles.check()
      return try command.execute()
    } catch {
      return fail(error)
    }
  }

  private static func fail(_ failure: CommandFailure) -> ExitStatus {
    let styler = TextStyler(
      isEnabled: ColorChoice.auto.usesColor(
        onTerminal: isatty(STDERR_FILENO) == 1, environment: environmentVariable))
    writeToStandardError(highlighted(failure.text, styler) + "\n")
    return failure.status
  }

  /// The text with its `error:` and `hint:` marks in colour.
  private static func highlighted(_ text: String, _ styler: TextStyler) -> String {
    guard styler.isEnabled else { return text }
    return text.replacing("error:", with: styler("error:", .redBold))
      .replacing("\n  hint:", with: "\n  " + styler("hint:", .bold))
  }
}
