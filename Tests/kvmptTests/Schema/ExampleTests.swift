// The examples of the repository: they are read without a problem, and fit the schema.

import Probe
import Testing

@testable import kvmpt

@Suite("The examples are what the documentation says they are")
struct ExampleTests {
  static func schema() throws -> JSONSchema {
    JSONSchema(root: try #require(JSONValue(Array(AddressSpaceSchema.text.utf8))))
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
    for vocabulary in [Vocabulary.file, .processor, .mapping, .expectation] {
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
    let value = try #require(JSONValue(try PackageFiles.bytes(of: "Examples/\(name)")))
    #expect(try Self.schema().violations(of: value) == [])
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
      "mappings: []", "memory: 4MiB", "memory: 4MB\nmappings: []", "memory: -1\nmappings: []",
      "memory: 4KiB\nmappings: []\nlevels: 3", "memory: 4KiB\nmappings: []\nspeed: 1",
      "memory: 4KiB\nmappings: [{linear: 0, size: 4KiB}]",
      "memory: 4KiB\nmappings: [{linear: 0, size: 4KiB, rights: xr-}]",
      "memory: 4KiB\nmappings: [{linear: 0, size: 4KiB, rights: r--, page: 4MiB}]",
      "memory: 4KiB\nmappings: [{linear: 0, size: 4KiB, rights: r--, key: 16}]",
      "memory: 4KiB\nmappings: [{linear: 0, size: 4KiB, rights: r--, user: \"true\"}]",
      "memory: 4KiB\nmappings: [{linear: 0_, size: 4KiB, rights: r--}]",
      "memory: 4KiB\nmappings: []\nexpect: [{address: 0, access: read, cpl: 1, outcome: fault}]",
      "memory: 4KiB\nmappings: []\nexpect: [{address: 0, access: jump, cpl: 0, outcome: fault}]",
    ])
  func refusesAlike(_ text: String) throws {
    let value = try #require(JSONValue(Array(text.utf8)))
    #expect(try Self.schema().violations(of: value) != [])
    let outcome = AddressSpaceFileReader(limits: InputLimits()).read(Array(text.utf8), path: "x")
    if case .file = outcome { Issue.record("the reader accepts it") }
  }
}
