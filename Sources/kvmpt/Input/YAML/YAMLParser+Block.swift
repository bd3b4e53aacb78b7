// Block style: nodes whose structure is their indentation.
//
// Source: YAML 1.2.2, chapter 8.

extension YAMLParser {
  /// The node that starts here; its lines are indented more than `parentIndentation`.
  mutating func blockNode(parentIndentation: Int) throws(InputProblem) -> YAMLNode {
    try enter()
    defer { leave() }
    if cursor.isAtIndicator(UInt8(ascii: "-")) { return blockSequence() }
    if cursor.isAtIndicator(UInt8(ascii: "?")) { throw complexKeyProblem() }
    if isAtKey { return blockMapping() }
    return try inlineNode(parentIndentation: parentIndentation)
  }

  /// The entries `key: value` that are indented like the one that starts here.
  private mutating func blockMapping() -> YAMLNode {
    let start = cursor.position
    let indentation = cursor.indentation
    var pairs = YAMLPairs()
    repeat {
      do throws(InputProblem) {
        guard isAtKey else { throw missingKeyProblem() }
        let keyPosition = cursor.position
        let key = try self.key()
        let value = try mappingValue(indentation: indentation)
        if let problem = pairs.append(key, at: keyPosition, value) { record(problem) }
        try skipToContent()
        if continuesTooFarRight(of: indentation) { throw indentationProblem() }
      } catch {
        record(error)
        recover(to: indentation)
      }
    } while continues(at: indentation)
    return YAMLNode(position: start, content: .mapping(pairs.pairs))
  }

  /// The entries `- value` that are indented like the one that starts here.
  private mutating func blockSequence() -> YAMLNode {
    let start = cursor.position
    let indentation = cursor.indentation
    var nodes: [YAMLNode] = []
    repeat {
      do throws(InputProblem) {
        let dash = cursor.position
        cursor.advance()
        cursor.skipBlanks()
        if cursor.isAtComment || cursor.isAtLineEnd { try skipToContent() }
        if cursor.isAtEnd || cursor.indentation <= indentation {
          nodes.append(YAMLNode(position: dash, content: .empty))
        } else {
          nodes.append(try blockNode(parentIndentation: indentation))
        }
        try skipToContent()
        if continuesTooFarRight(of: indentation) { throw indentationProblem() }
      } catch {
        record(error)
        recover(to: indentation)
      }
    } while continues(at: indentation) && cursor.isAtIndicator(UInt8(ascii: "-"))
    return YAMLNode(position: start, content: .sequence(nodes))
  }

  /// The value after `key:`, on the same line or below.
  private mutating func mappingValue(indentation: Int) throws(InputProblem) -> YAMLNode {
    let afterKey = cursor.position
    cursor.skipBlanks()
    if !cursor.isAtComment && !cursor.isAtLineEnd && !cursor.isAtEnd {
      if cursor.isAtIndicator(UInt8(ascii: "-")) {
        throw InputProblem(
          "unexpected-list", at: cursor.position, "a list starts on the line of its key",
          hint: "start the first '-' on a line of its own")
      }
      return try inlineNode(parentIndentation: indentation)
    }
    try skipToContent()
    if !cursor.isAtEnd && !cursor.isAtAnyDocumentMarker {
      // A list may stand at the indentation of its key.
      let isList = cursor.isAtIndicator(UInt8(ascii: "-")) && cursor.indentation == indentation
      if isList || cursor.indentation > indentation {
        return try blockNode(parentIndentation: isList ? indentation - 1 : indentation)
      }
    }
    return YAMLNode(position: afterKey, content: .empty)
  }

  private func continues(at indentation: Int) -> Bool {
    !cursor.isAtEnd && cursor.indentation == indentation && !cursor.isAtAnyDocumentMarker
  }

  private func continuesTooFarRight(of indentation: Int) -> Bool {
    !cursor.isAtEnd && cursor.indentation > indentation
  }

  private func indentationProblem() -> InputProblem {
    InputProblem(
      "bad-indentation", at: cursor.position, "this line is indented further than its neighbours",
      hint: "indent all entries of a list or a mapping alike")
  }

  private func missingKeyProblem() -> InputProblem {
    InputProblem(
      "missing-key", at: cursor.position, "expected 'key: value'",
      hint: "a key ends with a colon and a space")
  }

  func complexKeyProblem() -> InputProblem {
    InputProblem(
      "complex-key", at: cursor.position, "a key must be a word",
      hint: "write 'key: value' with a plain or quoted key")
  }
}

/// The pairs of a mapping, with their keys looked up in constant time.
struct YAMLPairs {
  private(set) var pairs: [YAMLPair] = []
  private var lineOfKey: [String: Int] = [:]

  /// Adds a pair, or returns the problem when the key is already there.
  mutating func append(
    _ key: String, at position: SourcePosition, _ value: YAMLNode
  ) -> InputProblem? {
    if let line = lineOfKey[key] {
      return InputProblem(
        "duplicate-key", at: position, "'\(key)' was already given in line \(line)",
        hint: "remove one of them")
    }
    lineOfKey[key] = position.line
    pairs.append(YAMLPair(key: key, keyPosition: position, value: value))
    return nil
  }
}
