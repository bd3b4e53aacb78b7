// OptionWithoutEffect: an option that cannot apply is refused, so that nobody believes that it did.

/// An option that was given where it can have no effect.
struct OptionWithoutEffect {
  /// The option as it is written, such as `--smep`.
  let option: String
  /// Why it can have none, as a sentence without an end.
  let reason: String
  /// What it applies to, after the words "it applies to".
  let scope: String

  /// The words of a usage error.
  var message: String { "\(option) has no effect: \(reason)" }

  /// What the option is for.
  var hint: String { "it applies to \(scope); leave it out" }
}

extension CommandFailure {
  /// The option was given for nothing.
  init(_ option: OptionWithoutEffect) {
    self.init(.usage, option.message, hint: option.hint)
  }
}

/// The names of those options that have a value.
func given(_ options: KeyValuePairs<String, Bool>) -> [String] {
  options.filter(\.value).map(\.key)
}
