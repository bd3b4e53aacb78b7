// JSONSchema: a validator for the part of JSON Schema that the schemas of this package use.
//
// Source: JSON Schema draft 2020-12, core and validation vocabularies.

/// Validates values; a keyword that it does not know is an error, not a pass.
struct JSONSchema {
  let root: JSONValue

  /// Every violation, as `path: what`.
  func violations(of value: JSONValue) -> [String] {
    violations(of: value, against: root, at: "$")
  }

  private static let annotations: Set<String> = [
    "$schema", "$id", "$defs", "title", "description", "default",
  ]

  private func violations(
    of value: JSONValue, against schema: JSONValue, at path: String
  ) -> [String] {
    guard case .object(let keywords) = schema else { return ["\(path): the schema is no object"] }
    var found: [String] = []
    for (keyword, argument) in keywords.sorted(by: { $0.key < $1.key })
    where !Self.annotations.contains(keyword) {
      found += violations(of: value, keyword, argument, in: keywords, at: path)
    }
    return found
  }

  private func violations(
    of value: JSONValue, _ keyword: String, _ argument: JSONValue, in schema: [String: JSONValue],
    at path: String
  ) -> [String] {
    switch (keyword, argument, value) {
    case ("$ref", .string(let reference), _):
      guard let target = resolve(reference) else { return ["\(path): no such $ref \(reference)"] }
      return violations(of: value, against: target, at: path)
    case ("type", .string(let type), _):
      return Self.isOfType(type, value) ? [] : ["\(path): not of type \(type)"]
    case ("enum", .array(let choices), _):
      return choices.contains(value) ? [] : ["\(path): not in enum"]
    case ("const", let constant, _): return value == constant ? [] : ["\(path): not the const"]
    case ("anyOf", .array(let schemas), _):
      let passes = schemas.contains { violations(of: value, against: $0, at: path).isEmpty }
      return passes ? [] : ["\(path): matches none of anyOf"]
    case ("properties", .object(let properties), .object(let members)):
      return properties.keys.sorted().flatMap { key -> [String] in
        guard let schema = properties[key], let member = members[key] else { return [] }
        return violations(of: member, against: schema, at: "\(path).\(key)")
      }
    case ("required", .array(let keys), .object(let members)):
      return keys.compactMap {
        guard case .string(let key) = $0, members[key] == nil else { return nil }
        return "\(path): lacks \(key)"
      }
    case ("additionalProperties", .bool(false), .object(let members)):
      return members.keys.sorted().filter { schema["properties"]?[$0] == nil }.map {
        "\(path): unknown key \($0)"
      }
    case ("items", _, .array(let items)):
      return items.enumerated().flatMap {
        violations(of: $0.element, against: argument, at: "\(path)[\($0.offset)]")
      }
    case ("minimum", .integer(let bound), .integer(let number)):
      return number >= bound ? [] : ["\(path): below \(bound)"]
    case ("maximum", .integer(let bound), .integer(let number)):
      return number <= bound ? [] : ["\(path): above \(bound)"]
    case ("minLength", .integer(let bound), .string(let text)):
      return text.unicodeScalars.count >= bound ? [] : ["\(path): too short"]
    case ("maxLength", .integer(let bound), .string(let text)):
      return text.unicodeScalars.count <= bound ? [] : ["\(path): too long"]
    case ("minItems", .integer(let bound), .array(let items)):
      return items.count >= bound ? [] : ["\(path): too few items"]
    case ("pattern", .string(let pattern), .string(let text)):
      guard let regex = try? Regex(pattern) else { return ["\(path): bad pattern \(pattern)"] }
      return text.contains(regex) ? [] : ["\(path): does not match \(pattern)"]
    case ("properties", .object, _), ("required", .array, _), ("additionalProperties", .bool, _),
      ("items", .object, _), ("minimum", .integer, _), ("maximum", .integer, _),
      ("minLength", .integer, _), ("maxLength", .integer, _), ("minItems", .integer, _),
      ("pattern", .string, _):
      return []  // A keyword says nothing about values of other types.
    default: return ["\(path): the validator does not know \(keyword)"]
    }
  }

  private func resolve(_ reference: String) -> JSONValue? {
    guard reference.hasPrefix("#/") else { return nil }
    return reference.dropFirst(2).split(separator: "/").reduce(root) { $0?[String($1)] }
  }

  private static func isOfType(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer),
      ("string", .string), ("array", .array), ("object", .object):
      true
    default: false
    }
  }
}
