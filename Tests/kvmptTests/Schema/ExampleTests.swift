// The examples of the repository: they are read without a problem, and fit the schema.

import Probe
import Testing

@testable import kvmpt

@Suite("The examples are what the documentation says they are")
struct ExampleTests {
  static func mapping(_ keys: String) -> String {
    "memory: 4KiB\nmappings: [{\(keys)}]"
  }

  static func expecting(_ keys: String) -> String {
    "memory: 4KiB\nmappings: []\nexpect: [{\(keys)}]"
  }

  static func slot(_ value: String) -> String {
    "memory: 4KiB\nrecursive-slot: \(value)\nmappings: []"
  }

  static func schema() throws -> JSONSchema {
    JSONSchema(root: try JSONValue(json: AddressSpaceSchema.text))
  }

  @Test("Every kind of address space that a newcomer looks for has an example")
  func theExamplesAreThere() {
    let wanted = [
      "identity-map", "higher-half-kernel", "user-process", "mixed-page-sizes", "aliases",
      "cache-types", "canonical-edges", "five-level", "device",
    ]
    for name in wanted { #expect(PackageFiles.examples.contains("\(name).yaml")) }
  }

  @Test("An example is read without a problem", arguments: PackageFiles.examples)
  func isRead(_ name: String) throws {
    let bytes = try PackageFiles.bytes(of: "Examples/\(name)")
    switch AddressSpaceFileReader(limits: InputLimits()).read(bytes, path: name) {
    case .file(let file):
      #expect(!file.addressSpace.mappings.isEmpty)
      #expect(!file.addressSpace.expectations.isEmpty)
      #expect(!file.addressSpace.name.isEmpty)
    case .problems(let problems, _):
      for problem in problems { Issue.record("\(problem.rendered(path: name))") }
    }
  }

  @Test("The file in the documentation is one that the reader accepts")
  func documentedFileIsRead() throws {
    let bytes = try PackageFiles.bytes(of: "Documentation/address-space-file.md")
    let text = String(decoding: bytes, as: UTF8.self)
    let start = try #require(text.firstRange(of: "```yaml\n")).upperBound
    let end = try #require(text[start...].firstRange(of: "```\n")).lowerBound
    let file = Array(text[start..<end].utf8)
    switch AddressSpaceFileReader(limits: InputLimits()).read(file, path: "documentation") {
    case .file(let file): #expect(file.addressSpace.mappings.count == 2)
    case .problems(let problems, _): Issue.record("\(problems)")
    }
    for vocabulary in [
      Vocabulary.file, .processor, .memoryRange, .recursiveSlot, .mapping, .expectation,
    ] {
      for key in vocabulary.keys { #expect(text.contains("`\(key)`"), "\(key)") }
    }
  }

  @Test("An example opens with what it shows", arguments: PackageFiles.examples)
  func opensWithAComment(_ name: String) throws {
    let bytes = try PackageFiles.bytes(of: "Examples/\(name)")
    #expect(name.hasSuffix(".json") || bytes.first == UInt8(ascii: "#"))
  }

  @Test("An example fits the schema", arguments: PackageFiles.examples)
  func fitsTheSchema(_ name: String) throws {
    let value = try #require(JSONValue(yaml: try PackageFiles.bytes(of: "Examples/\(name)")))
    #expect(try Self.schema().violations(of: value) == [])
  }

  @Test("The schema uses only keywords that the validator of the tests knows")
  func theSchemaIsSound() throws {
    #expect(try Self.schema().defects() == [])
  }

  @Test("The schema in the repository is the one that the program prints")
  func theSchemaFileIsCurrent() throws {
    let file = try PackageFiles.bytes(of: "Schemas/address-space.schema.json")
    #expect(String(decoding: file, as: UTF8.self) == AddressSpaceSchema.text)
  }

  @Test("The schema knows exactly the keys that the reader knows")
  func schemaAndReaderHaveTheSameKeys() throws {
    let schema = try Self.schema().root
    let pairs: [(Vocabulary, JSONValue?)] = [
      (.file, schema), (.processor, schema["$defs"]?["processor"]),
      (.mapping, schema["$defs"]?["mapping"]), (.expectation, schema["$defs"]?["expectation"]),
      (.recursiveSlot, schema["$defs"]?["recursive-entry"]),
      (.memoryRange, schema["$defs"]?["memory-range"]),
    ]
    for (vocabulary, object) in pairs {
      guard case .object(let properties)? = object?["properties"] else {
        Issue.record("no properties for \(vocabulary.owner)")
        continue
      }
      #expect(properties.keys.sorted() == vocabulary.keys.sorted())
      for synonym in vocabulary.synonyms.values { #expect(vocabulary.keys.contains(synonym)) }
    }
  }

  @Test(
    "The schema refuses what the reader refuses",
    arguments: [
      ("mappings: []", "$: lacks memory"), ("memory: 4MiB", "$: lacks mappings"),
      ("[]", "$: not of type object"),
      ("memory: 4MB\nmappings: []", "$.memory: matches none of anyOf"),
      ("memory: -1\nmappings: []", "$.memory: matches none of anyOf"),
      ("memory: 4KiB\nmappings: []\nlevels: 3", "$.levels: not in enum"),
      ("memory: 4KiB\nmappings: []\nspeed: 1", "$: unknown key speed"),
      ("memory: 4KiB\nmappings: {}", "$.mappings: not of type array"),
      ("memory: 4KiB\nmappings: []\nname: ''", "$.name: too short"),
      (mapping("linear: 0, size: 4KiB"), "$.mappings[0]: lacks rights"),
      (mapping("linear: 0, size: 4KiB, rights: xr-"), "$.mappings[0].rights: does not match"),
      (
        mapping("linear: 0, size: 4KiB, rights: r--, page: 4MiB"), "$.mappings[0].page: not in enum"
      ),
      (
        mapping("linear: 0, size: 4KiB, rights: r--, key: 16"),
        "$.mappings[0].key: above 15"
      ),
      (
        mapping("linear: 0, size: 4KiB, rights: r--, user: \"true\""),
        "$.mappings[0].user: not of type boolean"
      ),
      (
        mapping("linear: 0_, size: 4KiB, rights: r--"),
        "$.mappings[0].linear: matches none of anyOf"
      ),
      (
        mapping("linear: 0, size: 4KiB, rights: r--, adress: 1"),
        "$.mappings[0]: unknown key adress"
      ),
      (
        expecting("address: 0, access: read, cpl: 1, outcome: fault"),
        "$.expect[0].cpl: not in enum"
      ),
      (
        expecting("address: 0, access: jump, cpl: 0, outcome: fault"),
        "$.expect[0].access: not in enum"
      ),
      (expecting("address: 0, access: read, cpl: 0"), "$.expect[0]: lacks outcome"),
      ("memory: []\nmappings: []", "$.memory: matches none of anyOf"),
      ("memory: [4KiB]\nmappings: []", "$.memory: matches none of anyOf"),
      ("memory: [{base: 0}]\nmappings: []", "$.memory: matches none of anyOf"),
      (
        "memory: [{base: 0, size: 4KiB, kind: rom}]\nmappings: []",
        "$.memory: matches none of anyOf"
      ),
      (slot("-1"), "$.recursive-slot: matches none of anyOf"),
      (slot("{rights: rw-}"), "$.recursive-slot: matches none of anyOf"),
      (slot("{index: 1, rights: ---}"), "$.recursive-slot: matches none of anyOf"),
      (slot("{index: 1, user: true}"), "$.recursive-slot: matches none of anyOf"),
      (slot("{index: 1, entry: 3}"), "$.recursive-slot: matches none of anyOf"),
    ])
  func refusesAlike(_ text: String, _ violation: String) throws {
    let value = try #require(JSONValue(yaml: Array(text.utf8)))
    let violations = try Self.schema().violations(of: value)
    #expect(
      violations.count == 1 && violations.first?.hasPrefix(violation) == true, "\(violations)")
    let outcome = AddressSpaceFileReader(limits: InputLimits()).read(Array(text.utf8), path: "x")
    if case .file = outcome { Issue.record("the reader accepts it") }
  }
}
