// The validator itself: a validator that passes everything would pass every example.

import Testing

@Suite("The schema validator of the tests knows right from wrong")
struct JSONSchemaTests {
  @Test(
    "Each keyword accepts what it should and refuses the rest",
    arguments: [
      (#"{"type": "integer"}"#, "1", #""1""#), (#"{"type": "integer"}"#, "2.0", "1.5"),
      (#"{"type": "number"}"#, "1.5", "true"), (#"{"type": "boolean"}"#, "true", "1"),
      (#"{"type": ["string", "null"]}"#, "null", "1"), (#"{"enum": [1, "a"]}"#, #""a""#, "2"),
      (#"{"const": "a"}"#, #""a""#, #""b""#), (#"{"required": ["a"]}"#, #"{"a": 1}"#, #"{"b": 1}"#),
      (#"{"properties": {"a": {"type": "null"}}}"#, #"{"a": null}"#, #"{"a": 1}"#),
      (#"{"additionalProperties": false, "properties": {"a": true}}"#, #"{"a": 1}"#, #"{"b": 1}"#),
      (#"{"additionalProperties": {"type": "string"}}"#, #"{"a": "b"}"#, #"{"a": 1}"#),
      (#"{"items": {"type": "integer"}}"#, "[1, 2]", #"[1, "a"]"#),
      (#"{"minProperties": 1}"#, #"{"a": 1}"#, "{}"),
      (#"{"minItems": 1}"#, "[1]", "[]"), (#"{"maxItems": 1}"#, "[1]", "[1, 2]"),
      (#"{"pattern": "^a+$"}"#, #""aa""#, #""ab""#), (#"{"minimum": 3}"#, "3", "2"),
      (#"{"maximum": 3}"#, "3", "3.5"), (#"{"minLength": 2}"#, #""ab""#, #""a""#),
      (#"{"maxLength": 1}"#, #""é""#, #""ab""#),
      (#"{"anyOf": [{"type": "null"}, {"minimum": 3}]}"#, "null", "1"),
      (#"{"oneOf": [{"minimum": 1}, {"minimum": 3}]}"#, "2", "4"),
      (#"{"allOf": [{"minimum": 1}, {"maximum": 3}]}"#, "2", "4"),
      (#"{"not": {"type": "null"}}"#, "1", "null"),
      (##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}"##, "null", "1"),
    ])
  func keyword(_ text: String, _ right: String, _ wrong: String) throws {
    let schema = JSONSchema(root: try JSONValue(json: text))
    #expect(schema.defects() == [])
    #expect(schema.violations(of: try JSONValue(json: right)) == [])
    #expect(schema.violations(of: try JSONValue(json: wrong)).count == 1)
  }

  @Test(
    "A keyword that it does not know is a defect of the schema, wherever it stands",
    arguments: [
      #"{"minimun": 1}"#, #"{"properties": {"a": {"if": true}}}"#, #"{"items": {"x": 1}}"#,
      #"{"anyOf": [{"x": 1}]}"#, ##"{"$ref": "#/$defs/none"}"##, #"{"pattern": "("}"#,
      #"{"$defs": {"a": {"required": "b"}}}"#,
    ])
  func defects(_ text: String) throws {
    #expect(JSONSchema(root: try JSONValue(json: text)).defects().count == 1)
  }
}
