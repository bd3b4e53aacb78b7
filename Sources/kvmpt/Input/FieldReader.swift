// FieldReader: the values of one object of a file, read by key, with every problem kept.

import Probe

/// Reads the values of a YAML mapping; a value that is wrong is reported once and read as nil.
struct FieldReader {
  let positions: FieldPositions
  private let owner: String
  private let isObject: Bool
  private let values: [String: YAMLNode]
  private(set) var problems: [InputProblem] = []
  /// Set when a value that was given could not be read, or one that is needed was not given.
  private(set) var isIncomplete = false

  /// Reports keys that `vocabulary` lacks; a node that is no mapping has no values at all.
  init(_ node: YAMLNode, _ vocabulary: Vocabulary) {
    owner = vocabulary.owner
    var values: [String: YAMLNode] = [:]
    if case .mapping(let pairs) = node.content {
      isObject = true
      for pair in pairs {
        if vocabulary.keys.contains(pair.key) {
          values[pair.key] = pair.value
        } else {
          // To look for what was meant is slow, and more problems than this are not shown.
          let isShown = problems.count < AddressSpaceFileReader.problemLimit
          problems.append(
            InputProblem(
              "unknown-key", at: pair.keyPosition, "\(owner) has no key \(quoted(pair.key))",
              hint: isShown ? vocabulary.hint(for: pair.key) : vocabulary.enumeration))
        }
      }
    } else {
      isObject = false
      problems.append(
        InputProblem(
          "wrong-type", at: node.position, "\(owner) is written as keys and values",
          hint: "write 'key: value' lines with the keys "
            + vocabulary.keys.joined(separator: ", ")))
      isIncomplete = true
    }
    self.values = values
    positions = FieldPositions(start: node.position, values: values.mapValues(\.position))
  }

  func has(_ key: String) -> Bool { values[key] != nil }

  mutating func report(_ id: String, at key: String, _ message: String, hint: String) {
    problems.append(InputProblem(id, at: positions[key], message, hint: hint))
    isIncomplete = true
  }

  /// The node of a key that may be missing.
  func node(_ key: String) -> YAMLNode? { values[key] }

  /// The node of a key that must be there.
  mutating func requiredNode(_ key: String, example: String) -> YAMLNode? {
    if let node = values[key] { return node }
    // What is no object at all was reported as such.
    guard isObject else { return nil }
    problems.append(
      InputProblem(
        "missing-key", at: positions.start, "\(owner) needs the key '\(key)'",
        hint: "add '\(key): \(example)'"))
    isIncomplete = true
    return nil
  }

  /// The text of a scalar and whether it was plain.
  mutating func scalar(_ key: String, expected: String) -> (text: String, isPlain: Bool)? {
    guard let node = values[key] else { return nil }
    switch node.content {
    case .scalar(let text, let style): return (text, style == .plain)
    case .empty: report("missing-value", at: key, "'\(key)' has no value", hint: expected)
    case .sequence: report("wrong-type", at: key, "'\(key)' cannot be a list", hint: expected)
    case .mapping:
      report("wrong-type", at: key, "'\(key)' cannot have keys of its own", hint: expected)
    }
    return nil
  }

  /// A number up to `maximum`.
  mutating func number(
    _ key: String, allowsUnit: Bool = false, maximum: UInt64 = .max
  ) -> UInt64? {
    let example = allowsUnit ? "write a size such as 2MiB" : "write a number such as 0x20_0000"
    guard let (text, _) = scalar(key, expected: example) else { return nil }
    do throws(NumberText.Problem) {
      let value = try NumberText.parse(text, allowsUnit: allowsUnit)
      if value <= maximum { return value }
      report(
        "number-out-of-range", at: key, "\(quoted(text)) is too large for '\(key)'",
        hint: "the largest is \(HexadecimalNumber(maximum))")
    } catch {
      report("bad-number", at: key, error.message(for: text), hint: error.hint)
    }
    return nil
  }

  /// True or false, without quotes.
  mutating func flag(_ key: String) -> Bool? {
    let expected = "write true or false"
    guard let (text, isPlain) = scalar(key, expected: expected) else { return nil }
    if isPlain {
      if text == "true" { return true }
      if text == "false" { return false }
    }
    report(
      "bad-value", at: key, "'\(key)' cannot be \(quoted(text))\(isPlain ? "" : " in quotes")",
      hint: expected)
    return nil
  }

  /// One of some words.
  mutating func word<Value>(_ key: String, _ choices: [(word: String, value: Value)]) -> Value? {
    let words = choices.map(\.word)
    let expected = "write one of \(words.joined(separator: ", "))"
    guard let (text, _) = scalar(key, expected: expected) else { return nil }
    for choice in choices where choice.word == text { return choice.value }
    // Digits are never near each other: of 4 and 5, 6 is meant as neither.
    let isWord = text.utf8.count > 1
    let near =
      words.first { $0.lowercased() == text.lowercased() }
      ?? (isWord ? nearestWord(to: text, among: words) : nil)
    report(
      "bad-value", at: key, "'\(key)' cannot be \(quoted(text))",
      hint: near.map { "did you mean '\($0)'?" } ?? expected)
    return nil
  }

  /// Free text; a name is one line of printable characters.
  mutating func text(_ key: String, isName: Bool) -> String? {
    guard let (text, _) = scalar(key, expected: "write some text") else { return nil }
    if !isName { return text }
    let isPrintable = text.unicodeScalars.allSatisfy {
      $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && !(0x2028...0x2029).contains($0.value)
    }
    if !isPrintable || text.isEmpty || text.unicodeScalars.count > 200 {
      report(
        "bad-name", at: key, "\(quoted(text)) cannot be a name",
        hint: "use 1 to 200 printable characters on one line")
      return nil
    }
    return text
  }
}
