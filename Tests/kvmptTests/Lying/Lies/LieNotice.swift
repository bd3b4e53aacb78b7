// LieNotice: what must come of a lie that is told to a command.

/// What must come of a lie.
enum LieNotice: Sendable {
  /// It is noticed under these stable names, the one that decides first, with this exit code.
  case noticed([String], exitCode: Int32)
  /// It is told, and nothing is said of it, for a reason.
  case unseen(String)
  /// The command makes no probe that the lie can be about, for a reason.
  case untold(String)

  /// The names that a format gives, of those that the command has; nil where nothing may be said.
  func names(in format: LieFormat, of command: LieCommand) -> Set<String>? {
    guard case .noticed(let names, _) = self else { return nil }
    switch (command, format) {
    // A test case fails once, for the first of its reasons.
    case (.file, .junit), (.file, .tap), (.image, .junit), (.image, .tap), (.expected, .junit),
      (.expected, .tap):
      return Set(names.prefix(1))
    // People are told whose fault it is, in one sentence for both pairs.
    case (.file, .text), (.image, .text), (.expected, .text):
      return Set(names).subtracting(names.count > 1 ? ["asked-executed"] : [])
    // The response is in the example that text shows.
    case (.conform, .text), (.sequences, .text): return Set(names.prefix(1))
    default: return Set(names)
    }
  }

  /// Why nothing is said; nil where something is.
  var reason: String? {
    switch self {
    case .noticed: nil
    case .unseen(let reason), .untold(let reason): reason
    }
  }

  /// The cell of the table.
  var cell: String {
    switch self {
    case .noticed(let names, let exitCode):
      names.joined(separator: "+") + (exitCode == 0 ? "" : " \(exitCode)")
    case .unseen: "NOT SEEN"
    case .untold: "no probe"
    }
  }
}
