// YAMLDocument: the way from text to nodes.

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
    try YAMLComposer.tree(of: bytes).map(YAMLNode.init(rootOf:))
  }
}
