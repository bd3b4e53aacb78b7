// JSONSchema: a validator for the part of JSON Schema that the schemas of this package use.
//
// Source: JSON Schema draft 2020-12, core and validation vocabularies.

/// Validates values; a keyword that it does not know is an error, not a pass.
struct JSONSchema {
  let root: JSONValue

  private static let annotations: Set<String> = [
    "$schema", "$id", "$defs", "title", "description", "default", "examples",
  ]

  /// What is wrong with the schema itself: keywords that are unknown or misused, wherever they are.
  func defects() -> [String] { defects(of: root, at: "#") }

  /// Every violation, as `path: what`.
  func violations(of value: JSONValue) -> [String] {
    violations(of: value, against: root, at: "$")
  }

  private func defects(of schema: JSONValue, at path: String) -> [String] {
    if case .bool = schema { return [] }
    guard case .object(let keywords) = schema else { return ["\(path): no schema"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, argument -> [String] in
      let here = "\(path)/\(keyword)"
      switch (keyword, argument) {
      case ("properties", .object(let schemas)), ("$defs", .object(let schemas)):
        return schemas.sorted { $0.key < $1.key }.flatMap {
          defects(of: $0.value, at: "\(here)/\($0.key)")
        }
      case ("items", _), ("additionalProperties", _), ("not", _):
        return defects(of: argument, at: here)
      case ("anyOf", .array(let schemas)), ("oneOf", .array(let schemas)),
        ("allOf", .array(let schemas)):
        return schemas.enumerated().flatMap { defects(of: $0.element, at: "\(here)/\($0.offset)") }
      case ("$ref", .string(let reference)):
        return resolve(reference) == nil ? ["\(here): leads nowhere"] : []
      case ("pattern", .string(let pattern)):
        return (try? Regex(pattern)) == nil ? ["\(here): no regular expression"] : []
      case ("type", .string), ("type", .array), ("enum", .array), ("const", _),
        ("required", .array), ("minimum", .integer), ("maximum", .integer),
        ("minLength", .integer), ("maxLength", .integer), ("minItems", .integer),
        ("maxItems", .integer), ("minProperties", .integer):
        return []
      default: return Self.annotations.contains(keyword) ? [] : ["\(here): unknown"]
      }
    }
  }

  private func violations(
    of value: JSONValue, against schema: JSONValue, at path: String
  ) -> [String] {
    if case .bool(let accepts) = schema { return accepts ? [] : ["\(path): nothing may be here"] }
    guard case .object(let keywords) = schema else { return ["\(path): the schema is no object"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, argument -> [String] in
      if Self.annotations.contains(keyword) { return [] }
      return applied(keyword, argument, to: value, against: schema, at: path)
        ?? asserted(keyword, argument, on: value, at: path)
    }
  }

  /// Keywords that apply other schemas; nil for the rest.
  private func applied(
    _ keyword: String, _ argument: JSONValue, to value: JSONValue, against schema: JSONValue,
    at path: String
  ) -> [String]? {
    func passCount(_ schemas: [JSONValue]) -> Int {
      schemas.filter { violations(of: value, against: $0, at: path).isEmpty }.count
    }
    switch (keyword, argument, value) {
    case ("$ref", .string(let reference), _):
      guard let target = resolve(reference) else { return ["\(path): no such $ref \(reference)"] }
      return violations(of: value, against: target, at: path)
    case ("anyOf", .array(let schemas), _):
      return passCount(schemas) > 0 ? [] : ["\(path): matches none of anyOf"]
    case ("oneOf", .array(let schemas), _):
      let count = passCount(schemas)
      return count == 1 ? [] : ["\(path): matches \(count) of oneOf"]
    case ("allOf", .array(let schemas), _):
      return schemas.flatMap { violations(of: value, against: $0, at: path) }
    case ("not", _, _):
      return passCount([argument]) == 0 ? [] : ["\(path): matches not"]
    case ("properties", .object(let properties), .object(let members)):
      return properties.sorted { $0.key < $1.key }.flatMap { key, schema in
        members[key].map { violations(of: $0, against: schema, at: "\(path).\(key)") } ?? []
      }
    case ("additionalProperties", _, .object(let members)):
      let others = members.filter { schema["properties"]?[$0.key] == nil }
      if argument == .bool(false) {
        return others.keys.sorted().map { "\(path): unknown key \($0)" }
      }
      return others.sorted { $0.key < $1.key }.flatMap {
        violations(of: $0.value, against: argument, at: "\(path).\($0.key)")
      }
    case ("items", _, .array(let items)):
      return items.enumerated().flatMap {
        violations(of: $0.element, against: argument, at: "\(path)[\($0.offset)]")
      }
    case ("properties", .object, _), ("additionalProperties", _, _), ("items", _, _): return []
    default: return nil
    }
  }

  /// Keywords that say something about the value itself; they pass values of other types.
  private func asserted(
    _ keyword: String, _ argument: JSONValue, on value: JSONValue, at path: String
  ) -> [String] {
    func require(_ holds: Bool, _ what: String) -> [String] { holds ? [] : ["\(path): \(what)"] }
    switch (keyword, argument, value) {
    case ("type", .string(let type), _):
      return require(Self.isOfType(type, value), "not of type \(type)")
    case ("type", .array(let types), _):
      let names = types.compactMap { if case .string(let name) = $0 { name } else { nil } }
      return require(names.contains { Self.isOfType($0, value) }, "not of type \(names)")
    case ("enum", .array(let choices), _): return require(choices.contains(value), "not in enum")
    case ("const", let constant, _): return require(value == constant, "not the const")
    case ("required", .array(let keys), .object(let members)):
      return keys.compactMap {
        guard case .string(let key) = $0, members[key] == nil else { return nil }
        return "\(path): lacks \(key)"
      }
    case ("minimum", .integer(let bound), .integer(let number)):
      return require(number >= bound, "below \(bound)")
    case ("maximum", .integer(let bound), .integer(let number)):
      return require(number <= bound, "above \(bound)")
    case ("minimum", .integer(let bound), .number(let number)):
      return require(number >= Double(bound), "below \(bound)")
    case ("maximum", .integer(let bound), .number(let number)):
      return require(number <= Double(bound), "above \(bound)")
    case ("minLength", .integer(let bound), .string(let text)):
      return require(text.unicodeScalars.count >= bound, "too short")
    case ("maxLength", .integer(let bound), .string(let text)):
      return require(text.unicodeScalars.count <= bound, "too long")
    case ("minItems", .integer(let bound), .array(let items)):
      return require(items.count >= bound, "too few items")
    case ("maxItems", .integer(let bound), .array(let items)):
      return require(items.count <= bound, "too many items")
    case ("minProperties", .integer(let bound), .object(let members)):
      return require(members.count >= bound, "too few members")
    case ("pattern", .string(let pattern), .string(let text)):
      guard let regex = try? Regex(pattern) else { return ["\(path): bad pattern \(pattern)"] }
      return require(text.contains(regex), "does not match \(pattern)")
    case ("required", .array, _), ("minimum", .integer, _), ("maximum", .integer, _),
      ("minLength", .integer, _), ("maxLength", .integer, _), ("minItems", .integer, _),
      ("maxItems", .integer, _), ("minProperties", .integer, _), ("pattern", .string, _):
      return []
    default: return ["\(path): the validator does not know \(keyword)"]
    }
  }

  private func resolve(_ reference: String) -> JSONValue? {
    if reference == "#" { return root }
    guard reference.hasPrefix("#/") else { return nil }
    return reference.dropFirst(2).split(separator: "/").reduce(root) { $0?[String($1)] }
  }

  private static func isOfType(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer),
      ("number", .number), ("string", .string), ("array", .array), ("object", .object):
      true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }
}
