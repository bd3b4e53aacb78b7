// YAMLNode: what a YAML file says, with the place where it says it.

/// A value in a YAML file.
struct YAMLNode {
  let position: SourcePosition
  let content: Content

  /// What kind of value it is.
  indirect enum Content {
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
}

/// How a scalar was written.
enum YAMLScalarStyle {
  /// Without quotes: the only style that means numbers and truth values.
  case plain
  /// In single or double quotes, or as a block.
  case quoted
}
