// RandomYAML: documents that every YAML reader must accept.

import TestSupport

/// Writes random trees in random styles.
enum RandomYAML {
  static func document(using generator: inout SeededGenerator) -> String {
    var text = ""
    if generator.index(below: 8) == 0 { text += "--- # start\n" }
    blockMapping(depth: 0, indentation: 0, using: &generator, into: &text)
    return text
  }

  private static let words = [
    "a", "0x1000", "r-x", "---", "-1", "two words", "x#y", "a:b", "http://x", "é", "~", "true",
    "4KiB", "it's", "a-b", "?x", "-", "q\"q", "back\\slash",
  ]

  private static func blockMapping(
    depth: Int, indentation: Int, using generator: inout SeededGenerator, into text: inout String
  ) {
    for index in 0...generator.index(below: 3) {
      if index > 0 || !text.hasSuffix("- ") { text += String(repeating: " ", count: indentation) }
      text += generator.index(below: 5) == 0 ? "'key \(index)':" : "key\(index):"
      value(depth: depth, indentation: indentation, using: &generator, into: &text)
      if generator.index(below: 6) == 0 { text += "\n   # a comment\n" }
    }
  }

  /// The value behind `key:`, with its line end.
  private static func value(
    depth: Int, indentation: Int, using generator: inout SeededGenerator, into text: inout String
  ) {
    let step = 1 + generator.index(below: 4)
    switch generator.index(below: depth < 3 ? 8 : 6) {
    case 0: text += "\n"
    case 1:
      text +=
        " |\n" + line(indentation + step, "one: 'x' # y") + "\n" + line(indentation + step, " two")
    case 2:
      text += " \"folded\n" + line(indentation + step, "\\t\\u00e9 text\"")
    case 3, 4: text += " \(flow(depth: depth, using: &generator))\n"
    case 5: text += "   \(scalar(isInFlow: false, using: &generator))   # comment\n"
    case 6:
      text += "\n"
      blockMapping(
        depth: depth + 1, indentation: indentation + step, using: &generator, into: &text)
    default:
      text += "\n"
      for _ in 0...generator.index(below: 3) {
        text += String(repeating: " ", count: indentation + step) + "- "
        if generator.index(below: 2) == 0 {
          text += scalar(isInFlow: false, using: &generator) + "\n"
        } else {
          blockMapping(
            depth: depth + 1, indentation: indentation + step + 2, using: &generator, into: &text)
        }
      }
    }
  }

  private static func line(_ indentation: Int, _ text: String) -> String {
    String(repeating: " ", count: indentation) + text + "\n"
  }

  private static func flow(depth: Int, using generator: inout SeededGenerator) -> String {
    if depth > 3 { return scalar(isInFlow: true, using: &generator) }
    let space = generator.index(below: 2) == 0 ? " " : "\n             "
    let count = generator.index(below: 4)
    switch generator.index(below: 3) {
    case 0: return scalar(isInFlow: true, using: &generator)
    case 1:
      let items = (0..<count).map { _ in flow(depth: depth + 1, using: &generator) }
      return "[" + items.joined(separator: ",\(space)") + "]"
    default:
      let items = (0..<count).map { "k\($0): \(flow(depth: depth + 1, using: &generator))" }
      return "{" + items.joined(separator: ",\(space)") + "}"
    }
  }

  private static func scalar(isInFlow: Bool, using generator: inout SeededGenerator) -> String {
    let word = words[generator.index(below: words.count)]
    switch generator.index(below: 4) {
    case 0: return "'\(word.replacing("'", with: "''"))'"
    case 1: return "\"\(word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    default: return word == "-" || (isInFlow && word == "?x") ? "'\(word)'" : word
    }
  }
}
