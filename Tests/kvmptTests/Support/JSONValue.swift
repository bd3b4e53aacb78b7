// JSONValue: a JSON document, or a YAML one seen as JSON.

import Foundation

@testable import kvmpt

/// A JSON value as a schema sees it.
indirect enum JSONValue: Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Reads JSON, and nothing that is only YAML.
  init(json text: String) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  /// Reads YAML the way kvmpt does; plain scalars get their JSON type.
  init?(yaml bytes: [UInt8]) {
    guard let root = try? YAMLDocument.root(of: bytes) else { return nil }
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

  /// The text of a string.
  var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// The number, where it is a whole one.
  var number: Int? {
    if case .integer(let number) = self { return number }
    return nil
  }

  /// The elements of an array; empty for everything else.
  var elements: [JSONValue] {
    if case .array(let elements) = self { return elements }
    return []
  }
}

extension JSONValue: Decodable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }
}
