// YAMLText: both readers' trees in one notation, so that they can be compared.

import Yams

@testable import kvmpt

/// Writes a tree as text: `{key=value,…}`, `[…]`, and scalars in guillemets.
enum YAMLText {
  /// The tree that kvmpt reads, or nil when it finds a problem.
  static func kvmpt(_ text: String) -> String? {
    var parser = YAMLParser(bytes: Array(text.utf8))
    let root = parser.parseDocument()
    return parser.problems.isEmpty ? root.map(describe) ?? "«»" : nil
  }

  /// The tree that Yams (libyaml) reads, or nil when it finds a problem.
  static func yams(_ text: String) -> String? {
    // Yams keeps a pointer into the text, which must not be short enough to live in a register.
    let padded = text + String(repeating: "\n", count: 32)
    guard let node = try? Yams.Parser(yaml: padded, resolver: .basic, encoding: .utf8).singleRoot()
    else { return nil }
    return describe(node)
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
