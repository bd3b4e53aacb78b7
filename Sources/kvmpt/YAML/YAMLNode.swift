// YAMLNode: what a YAML file says, with the place where it says it.

/// All values of a YAML text, in the order in which they are written.
///
/// A value takes 20 bytes and its text: a file of a million of them is read in little memory.
final class YAMLTree: Sendable {
  /// A value; its children follow it.
  struct Record {
    enum Kind: UInt8 { case plain, quoted, sequence, mapping }

    var kind: Kind
    var line: UInt32
    var column: UInt32
    /// Where the text of a scalar starts; how many values, keys included, a collection has.
    var start: UInt32
    /// Where the text of a scalar ends; the number of the record behind a collection.
    var end: UInt32
  }

  let records: [Record]
  /// The text of all scalars.
  let text: [UInt8]

  init(records: [Record], text: [UInt8]) {
    self.records = records
    self.text = text
  }
}

/// A value in a YAML file.
struct YAMLNode {
  private let tree: YAMLTree
  private let index: Int

  /// The value that holds all others.
  init(rootOf tree: YAMLTree) { self.init(tree, 0) }

  private init(_ tree: YAMLTree, _ index: Int) {
    self.tree = tree
    self.index = index
  }

  private var record: YAMLTree.Record { tree.records[index] }

  /// Where it begins.
  var position: SourcePosition {
    SourcePosition(line: Int(record.line), column: Int(record.column))
  }

  /// What was written.
  ///
  /// - Complexity: O(*n*) in the number of entries of a sequence or mapping.
  var content: Content {
    switch record.kind {
    case .plain: record.start == record.end ? .empty : .scalar(text, .plain)
    case .quoted: .scalar(text, .quoted)
    case .sequence: .sequence(children())
    case .mapping: .mapping(pairs())
    }
  }

  /// The text of a scalar.
  private var text: String {
    String(decoding: tree.text[Int(record.start)..<Int(record.end)], as: UTF8.self)
  }

  private var next: Int {
    switch record.kind {
    case .plain, .quoted: index + 1
    case .sequence, .mapping: Int(record.end)
    }
  }

  private func children() -> [YAMLNode] {
    var children: [YAMLNode] = []
    children.reserveCapacity(Int(record.start))
    var child = index + 1
    while child < next {
      let node = YAMLNode(tree, child)
      children.append(node)
      child = node.next
    }
    return children
  }

  private func pairs() -> [YAMLPair] {
    var pairs: [YAMLPair] = []
    pairs.reserveCapacity(Int(record.start) / 2)
    var child = index + 1
    while child < next {
      let key = YAMLNode(tree, child)
      let value = YAMLNode(tree, key.next)
      pairs.append(YAMLPair(key: key.text, keyPosition: key.position, value: value))
      child = value.next
    }
    return pairs
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
}

/// How a scalar was written.
enum YAMLScalarStyle {
  /// Without quotes: the only style that means numbers and truth values.
  case plain
  /// In single or double quotes, or as a block.
  case quoted
}
