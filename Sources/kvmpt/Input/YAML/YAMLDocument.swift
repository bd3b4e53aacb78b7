// YAMLDocument: the way from text to nodes, by way of the YAML library.

import Yams

/// Reads YAML text, JSON included.
enum YAMLDocument {
  /// The root of the only document in `bytes`; nil when the file says nothing.
  ///
  /// `bytes` have passed ``SourceText/checked(_:byteLimit:)``.
  ///
  /// - Throws: the first thing that is not YAML, or not of the kind that is read; what stands
  ///   behind it cannot be known.
  /// - Complexity: O(*n*) in the number of bytes.
  static func root(of bytes: [UInt8]) throws(InputProblem) -> YAMLNode? {
    var screen = YAMLScreen(bytes: bytes)
    do throws(InputProblem) {
      try screen.screen()
    } catch {
      // A mistake before it may be why the screen lost its way.
      throw mistake(before: screen.cursor.index, in: bytes) ?? error
    }
    do {
      guard let node = try compose(bytes[...]) else { return nil }
      try check(node)
      return YAMLNode(node)
    } catch {
      throw error as? InputProblem ?? YAMLSyntaxProblem.problem(for: error, in: bytes[...])
    }
  }

  private static func mistake(before index: Int, in bytes: [UInt8]) -> InputProblem? {
    do {
      _ = try compose(bytes[..<index])
      return nil
    } catch {
      // That something is not closed here says nothing about the whole file.
      if YAMLSyntaxProblem.isAboutEnd(error, of: bytes[..<index]) { return nil }
      return YAMLSyntaxProblem.problem(for: error, in: bytes[..<index])
    }
  }

  private static func compose(_ bytes: ArraySlice<UInt8>) throws -> Yams.Node? {
    // Yams 6.2.2 keeps a pointer into the text, which strings of up to 15 bytes do not have.
    let padding = String(repeating: "\n", count: 16)
    let text = String(decoding: bytes, as: UTF8.self) + padding
    return try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
  }

  /// Throws at the first alias and at the first key that is no word.
  private static func check(_ node: Yams.Node) throws(InputProblem) {
    switch node {
    case .scalar: break
    case .sequence(let sequence):
      for node in sequence { try check(node) }
    case .mapping(let mapping):
      for (key, value) in mapping {
        guard case .scalar = key else { throw unscreenedProblem(key) }
        try check(value)
      }
    case .alias: throw unscreenedProblem(node)
    }
  }

  /// The screen refuses such nodes before they are composed; if it ever misses one, this is said.
  private static func unscreenedProblem(_ node: Yams.Node) -> InputProblem {
    InputProblem(
      "complex-key", at: YAMLNode(node).position, "a key that is not a word, or an alias",
      hint: "start with a word such as 'linear:'")
  }
}
