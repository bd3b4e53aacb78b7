// YAMLText: what kvmpt reads and what libyaml composes, in one notation, to be compared.

import CLibYAML

@testable import kvmpt

/// Writes a tree as text: `{key=value,…}`, `[…]`, and scalars in guillemets.
enum YAMLText {
  /// The tree that kvmpt reads, or nil when it finds a problem.
  static func kvmpt(_ text: String) -> String? {
    guard let root = try? YAMLDocument.root(of: Array(text.utf8)) else { return nil }
    return describe(root)
  }

  /// The tree of the only document that libyaml's own composer makes of a text, or nil when it finds a
  /// problem, no document, or a second one.
  static func libyaml(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    var parser = unsafe yaml_parser_t()
    guard unsafe yaml_parser_initialize(&parser) == 1 else { return nil }
    defer { unsafe yaml_parser_delete(&parser) }
    // SAFETY: the parser reads the bytes inside the closure only; documents are deleted where they are made.
    return unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      unsafe yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
      var document = unsafe yaml_document_t()
      guard unsafe yaml_parser_load(&parser, &document) == 1 else { return nil }
      defer { unsafe yaml_document_delete(&document) }
      guard let root = unsafe yaml_document_get_root_node(&document) else { return nil }
      let description = unsafe describe(root.pointee, of: &document)

      var next = unsafe yaml_document_t()
      guard unsafe yaml_parser_load(&parser, &next) == 1 else { return nil }
      defer { unsafe yaml_document_delete(&next) }
      return unsafe yaml_document_get_root_node(&next) == nil ? description : nil
    }
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

  /// The text of a node; nil when a mapping below it has a key twice, which libyaml leaves to its users.
  ///
  /// Source: YAML 1.2.2, section 3.2.1.1.
  private static func describe(_ node: yaml_node_t, of document: inout yaml_document_t) -> String? {
    func describe(item: Int32) -> String? {
      // SAFETY: libyaml gives numbers of nodes that this document has.
      guard let node = unsafe yaml_document_get_node(&document, item) else { return nil }
      return unsafe YAMLText.describe(node.pointee, of: &document)
    }
    switch unsafe node.type {
    case YAML_SCALAR_NODE:
      let scalar = unsafe node.data.scalar
      let text = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return unsafe "«\(String(decoding: text, as: UTF8.self))»"
    case YAML_SEQUENCE_NODE:
      var parts: [String] = []
      var item = unsafe node.data.sequence.items.start
      while let here = unsafe item, unsafe here != node.data.sequence.items.top {
        guard let part = unsafe describe(item: here.pointee) else { return nil }
        parts.append(part)
        unsafe item = here + 1
      }
      return "[\(parts.joined(separator: ","))]"
    case YAML_MAPPING_NODE:
      var parts: [String] = []
      var keys: Set<String> = []
      var pair = unsafe node.data.mapping.pairs.start
      while let here = unsafe pair, unsafe here != node.data.mapping.pairs.top {
        guard let key = unsafe describe(item: here.pointee.key), keys.insert(key).inserted,
          let value = unsafe describe(item: here.pointee.value)
        else { return nil }
        parts.append("\(key)=\(value)")
        unsafe pair = here + 1
      }
      return "{\(parts.joined(separator: ","))}"
    default: return nil
    }
  }
}
