// PlainText: names from outside, such as those of files, in text that people and programs read.

/// The one cleaning of what somebody else wrote, before it stands in a line of text.
///
/// A terminal obeys control characters, a CI system obeys lines that begin with `::` or hold `##`,
/// and characters that change the direction of writing let a line read as another one.
///
/// Sources: ECMA-48 (control sequences); Unicode Standard Annex 9, section 2 (directional
/// formatting characters); GitHub Actions, "Workflow commands"; Azure Pipelines, "Logging commands".
enum PlainText {
  /// The text in one line that no program takes for more than text; what is taken out is U+FFFD.
  static func oneLine(_ text: String) -> String {
    if isPlain(text) { return text }
    var result = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      let isCommand = isCommand(previous, scalar)
      result.append(isHarmless(scalar) && !isCommand ? scalar : "\u{fffd}")
      previous = scalar
    }
    let start = result.firstIndex { !$0.properties.isWhitespace }
    if let start, result[start...].starts(with: "::".unicodeScalars) {
      result.replaceSubrange(start...start, with: CollectionOfOne("\u{fffd}"))
    }
    return String(result)
  }

  /// True for what stays as it is wherever it stands: the quick answer for most texts.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x23 && $0 != 0x3a }
  }

  /// True for two characters that begin a command to a CI system wherever they stand in a line.
  static func isCommand(_ previous: Unicode.Scalar?, _ scalar: Unicode.Scalar) -> Bool {
    previous == "#" && scalar == "#"
  }

  /// False for what controls a terminal, ends a line, or changes how its neighbours are shown.
  static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7f }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: return false
    default: return scalar.value & 0xfffe != 0xfffe
    }
  }
}
