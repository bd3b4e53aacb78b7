// CommandFailure: a command that cannot do its job says why, and ends with a code of its own.

/// Why a command stopped, in words for standard error.
struct CommandFailure: Error {
  let status: ExitStatus
  /// Complete lines without the last line end.
  let text: String

  /// `error: message` and `hint: hint`, each in one line whatever stands in it.
  init(_ status: ExitStatus, _ message: String, hint: String? = nil) {
    self.status = status
    text =
      "error: \(PlainText.oneLine(message))"
      + (hint.map { "\n  hint: \(PlainText.oneLine($0))" } ?? "")
  }

  /// The problems of an input file.
  init(_ problems: [InputProblem], droppedCount: Int, path: String) {
    status = .badInput
    var lines = problems.map { $0.rendered(path: path) }
    if droppedCount > 0 {
      lines.append("\(PlainText.oneLine(path)): and \(droppedCount) more problems")
    }
    text = lines.joined(separator: "\n")
  }

  init(_ error: InputFileError) {
    self.init(
      error.isInterruption ? .interrupted : error.isOfHost ? .internalError : .badInput,
      "cannot read \(quoted(error.path)): \(error.reason)", hint: error.hint)
  }

  init(_ error: ReportDestinationError) {
    self.init(
      error.isInterruption ? .interrupted : .cannotWrite,
      "cannot write \(quoted(error.path)): \(error.reason)", hint: error.hint)
  }

  /// Several failures, of which the first decides the code; nil without any.
  init?(_ failures: [CommandFailure]) {
    guard let first = failures.first else { return nil }
    status = first.status
    text = failures.map(\.text).joined(separator: "\n")
  }
}
