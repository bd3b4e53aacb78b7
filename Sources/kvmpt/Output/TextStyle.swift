// TextStyle: colour and weight of text on a terminal. Nothing is ever said by colour alone.

import Glibc

/// When to use colour.
enum ColorChoice: String, CaseIterable, Sendable {
  case auto, always, never

  /// Whether an output gets colour.
  ///
  /// An explicit choice wins; then `NO_COLOR`, `CLICOLOR_FORCE` and `FORCE_COLOR` in this order,
  /// where empty means unset; then whether a terminal reads that is not `TERM=dumb`.
  func usesColor(onTerminal isTerminal: Bool, environment: (String) -> String?) -> Bool {
    func isSet(_ name: String) -> Bool { environment(name).map { !$0.isEmpty } ?? false }
    switch self {
    case .always: return true
    case .never: return false
    case .auto:
      if isSet("NO_COLOR") { return false }
      for name in ["CLICOLOR_FORCE", "FORCE_COLOR"] where isSet(name) {
        return environment(name) != "0"
      }
      return isTerminal && environment("TERM") != "dumb"
    }
  }
}

/// How a piece of text looks.
enum TextStyle: String, Sendable {
  case plain = "0"
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case redBold = "1;31"
}

/// Applies styles, or leaves text as it is.
struct TextStyler: Sendable {
  let isEnabled: Bool

  func callAsFunction(_ text: String, _ style: TextStyle) -> String {
    if !isEnabled || style == .plain || text.isEmpty { return text }
    return "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m"
  }
}

/// A variable of the environment; nil when it is not set.
func environmentVariable(_ name: String) -> String? {
  // SAFETY: the program changes its environment nowhere; the text is copied at once.
  guard let text = unsafe getenv(name) else { return nil }
  return unsafe String(cString: text)
}
