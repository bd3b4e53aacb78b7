// YAMLNode: what a YAML file says, with the place where it says it.

import Yams

/// A value in a YAML file, as the YAML library read it.
///
/// Nothing is copied: a file of a million values has one tree.
struct YAMLNode {
  private let node: Yams.Node

  /// Takes a value of which ``YAMLDocument`` knows that it has no alias and no key but words.
  init(_ node: Yams.Node) { self.node = node }

  /// Where it begins.
  var position: SourcePosition {
    node.mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start
  }

  /// What was written.
  ///
  /// - Complexity: O(*n*) in the number of entries of a sequence or mapping.
  var content: Content {
    switch node {
    case .scalar(let scalar):
      if scalar.style != .plain && scalar.style != .any { return .scalar(scalar.string, .quoted) }
      return scalar.string.isEmpty ? .empty : .scalar(scalar.string, .plain)
    case .sequence(let sequence): return .sequence(sequence.map(YAMLNode.init))
    case .mapping(let mapping): return .mapping(mapping.map(YAMLPair.init))
    case .alias: return .empty
    }
  }

  /// What kind of value it is.
  enum Content {
    /// Nothing was written.
    case empty
    /// Text; whether it is a number or a truth value is the reader's business.
    case scalar(String, YAMLScalarStyle)
    case sequence([YAMLNode])
    /// Keys are scalars and differ from each other.
    case mapping([YAMLPair])
  }
}

/// A key and its value.
struct YAMLPair {
  let key: String
  let keyPosition: SourcePosition
  let value: YAMLNode

  fileprivate init(key: Yams.Node, value: Yams.Node) {
    self.key = key.scalar?.string ?? ""
    keyPosition = YAMLNode(key).position
    self.value = YAMLNode(value)
  }
}

/// How a scalar was written.
enum YAMLScalarStyle {
  /// Without quotes: the only style that means numbers and truth values.
  case plain
  /// In single or double quotes, or as a block.
  case quoted
}
