// YAMLText: what kvmpt reads and what Yams composes, in one notation, to be compared.

import Yams

@testable import kvmpt

/// Writes a tree as text: `{key=value,…}`, `[…]`, and scalars in guillemets.
enum YAMLText {
  /// The tree that kvmpt reads, or nil when it finds a problem.
  static func kvmpt(_ text: String) -> String? {
    guard let root = try? YAMLDocument.root(of: Array(text.utf8)) else { return nil }
    return describe(root)
  }

  /// The tree that Yams composes on its own, or nil when it finds a problem.
  static func yams(_ text: String) -> String? {
    composed(text).map(describe)
  }

  /// The text and empty lines: Yams keeps a pointer into the text, which must not be short enough to
  /// live in a register.
  static func padded(_ text: String) -> String { text + String(repeating: "\n", count: 32) }

  private static func composed(_ text: String) -> Yams.Node? {
    try? Yams.Parser(yaml: padded(text), resolver: .basic, encoding: .utf8).singleRoot()
  }

  private static func describe(_ node: YAMLNode) -> String {
    switch node.content {
    case .empty: "«»"
    case .scalar(let text, _): "«\(text)»"
    case .sequence(let nodes): "[\(nodes.map(describe).joined(separator: ","))]"
    case .mapping(let pairs):
      "{\(pairs.map { "«\($0.key)»=\(describe($0.value))" }.joined(separator: ","))}"
    }
  }

  private static func describe(_ node: Yams.Node) -> String {
    switch node {
    case .scalar(let scalar): "«\(scalar.string)»"
    case .sequence(let nodes): "[\(nodes.map(describe).joined(separator: ","))]"
    case .mapping(let pairs):
      "{\(pairs.map { "\(describe($0.key))=\(describe($0.value))" }.joined(separator: ","))}"
    case .alias: "alias"
    }
  }
}
