// JSONValue: a JSON document, or a YAML one seen as JSON.

@testable import kvmpt

/// A JSON value as a schema sees it.
indirect enum JSONValue: Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Reads JSON or YAML; plain scalars get their JSON type.
  init?(_ bytes: [UInt8]) {
    var parser = YAMLParser(bytes: bytes)
    guard let root = parser.parseDocument(), parser.problems.isEmpty else { return nil }
    self = Self.value(of: root)
  }

  private static func value(of node: YAMLNode) -> JSONValue {
    switch node.content {
    case .empty: .null
    case .sequence(let nodes): .array(nodes.map(value))
    case .mapping(let pairs):
      .object(Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, value(of: $0.value)) }))
    case .scalar(let text, .quoted): .string(text)
    case .scalar("null", .plain): .null
    case .scalar("true", .plain): .bool(true)
    case .scalar("false", .plain): .bool(false)
    case .scalar(let text, .plain): Int(text).map(JSONValue.integer) ?? .string(text)
    }
  }

  subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { return members[key] }
    return nil
  }
}
