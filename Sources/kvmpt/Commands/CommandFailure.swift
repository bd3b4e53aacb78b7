// CommandFailure: a command that cannot do its job says why, and ends with a code of its own.

/// Why a command stopped, in words for standard error.
struct CommandFailure: Error {
  let status: ExitStatus
  /// Complete lines without the last line end.
  let text: String

  /// `error: message` and `hint: hint`.
  init(_ status: ExitStatus, _ message: String, hint: String? = nil) {
    self.status = status
    text = "error: \(message)" + (hint.map { "\n  hint: \($0)" } ?? "")
  }

  /// The problems of an input file.
  init(_ problems: [InputProblem], droppedCount: Int, path: String) {
    status = .badInput
    var lines = problems.map { $0.rendered(path: path) }
    if droppedCount > 0 { lines.append("\(path): and \(droppedCount) more problems") }
    text = lines.joined(separator: "\n")
  }

  init(_ error: InputFileError) {
    self.init(.badInput, "cannot read \(quoted(error.path)): \(error.reason)", hint: error.hint)
  }

  init(_ error: ReportDestinationError) {
    self.init(
      .cannotWrite, "cannot write \(quoted(error.path)): \(error.reason)",
      hint: "give --output a file in a folder that can be written to")
  }
}
