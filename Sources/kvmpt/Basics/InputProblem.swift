// InputProblem: one thing that is wrong with an input file, and what would be right.

/// Something wrong in a file, with its place, a stable name, and a hint.
struct InputProblem: Error, Hashable, Sendable {
  /// The stable name, the same in every output format.
  let id: String
  let position: SourcePosition
  /// What is wrong, in one lower-case line.
  let message: String
  /// What would be right, in one lower-case line.
  let hint: String

  init(_ id: String, at position: SourcePosition, _ message: String, hint: String) {
    self.id = id
    self.position = position
    self.message = message
    self.hint = hint
  }

  /// The form that editors and CI systems recognise: `file:line:column: error: message [id]`.
  func rendered(path: String) -> String {
    "\(PlainText.oneLine(path)):\(position.line):\(position.column): error:"
      + " \(PlainText.oneLine(message)) [\(id)]\n  hint: \(PlainText.oneLine(hint))"
  }
}
