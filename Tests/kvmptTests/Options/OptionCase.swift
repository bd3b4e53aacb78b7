// OptionCase: one situation in which an option is given, and what has to come of it.

import Testing

@testable import kvmpt

/// An option of a command in a situation.
struct OptionCase: Sendable, CustomTestStringConvertible {
  /// What the option does there.
  enum Outcome: Sendable {
    /// The run differs from the one without the option.
    case changes
    /// The file that the option names is written; it stands as `@FILE` in the arguments.
    case writes
    /// Exit code 64 and these words.
    case refused(String)
  }

  /// What a run needs.
  enum Need: Sendable {
    case nothing, kvm, qemu
  }

  let command: String
  /// The arguments beside the option.
  let situation: [String]
  /// The option and its value.
  let option: [String]
  let outcome: Outcome
  var need = Need.nothing

  var testDescription: String {
    "\(([command] + situation).joined(separator: " ")) with \(option.joined(separator: " "))"
  }

  /// Runs the program, and once more without the option where that is what is compared.
  func check() throws {
    let file = try TemporaryFile()
    let given = try run(situation + option.map { $0.replacing("@FILE", with: file.path) })
    switch outcome {
    case .refused(let words):
      #expect(given.exitCode == 64, "\(given.errors)")
      #expect(given.errors.contains(option[0]) && given.errors.contains(words), "\(given.errors)")
      #expect(given.output.isEmpty)
    case .writes:
      #expect(try !file.text().isEmpty, "\(given.errors)")
    case .changes:
      let plain = try run(situation)
      #expect(given.exitCode != 64, "\(given.errors)")
      #expect(
        given.exitCode != plain.exitCode || given.errors != plain.errors
          || Self.timeless(given.output) != Self.timeless(plain.output),
        "\(given.output)")
    }
  }

  private func run(_ arguments: [String]) throws -> ProgramRun {
    try ProgramRun(
      [command] + arguments, environment: need == .qemu ? ["PATH=/usr/local/bin:/usr/bin:/bin"] : []
    )
  }

  /// The lines that do not say how long it took, but for one that says which limit that was.
  private static func timeless(_ text: String) -> [Substring] {
    text.split(separator: "\n").filter {
      $0.contains("the time limit came first") || !$0.contains("time") && !$0.contains("second")
    }
  }
}
