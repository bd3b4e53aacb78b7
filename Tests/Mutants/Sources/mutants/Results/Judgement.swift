// Judgement: what is known of a mutant.

/// The outcome of a mutant; the text stands in the file of results.
enum Judgement: Hashable, Sendable {
  /// A suite fails with it; `how` is "hang" or "crash" where no test said so.
  case caught(suite: String, how: String?)
  case survived
  /// The quick suites pass with it, and the others were not asked yet.
  case survivedSoFar
  /// No suite that can run here comes to its place.
  case notReached
  case notCompilable
  case equivalent(reason: String)

  var text: String {
    switch self {
    case .caught(let suite, nil): "caught by \(suite)"
    case .caught(let suite, let how?): "caught by \(suite) (\(how))"
    case .survived: "survived"
    case .survivedSoFar: "survived so far"
    case .notReached: "not reached"
    case .notCompilable: "not compilable"
    case .equivalent(let reason): "equivalent: \(reason)"
    }
  }

  init?(_ text: Substring) {
    if text == "survived" {
      self = .survived
    } else if text == "survived so far" {
      self = .survivedSoFar
    } else if text == "not reached" {
      self = .notReached
    } else if text == "not compilable" {
      self = .notCompilable
    } else if text.hasPrefix("equivalent: ") {
      self = .equivalent(reason: String(text.dropFirst(12)))
    } else if text.hasPrefix("caught by ") {
      let rest = text.dropFirst(10)
      if rest.hasSuffix(")"), let start = rest.lastIndex(of: "(") {
        let how = rest[rest.index(after: start)...].dropLast()
        self = .caught(suite: String(rest[..<start].dropLast()), how: String(how))
      } else {
        self = .caught(suite: String(rest), how: nil)
      }
    } else {
      return nil
    }
  }

  var isSurvival: Bool {
    self == .survived || self == .survivedSoFar || self == .notReached
  }
}
