// Every key of an address-space file, where it counts and where it would not.

import Probe
import Testing

@testable import kvmpt

/// A file with one more key, and what comes of it.
private struct KeyCase: Sendable, CustomTestStringConvertible {
  enum Owner: String, Hashable, Sendable { case file, processor, range, slot, mapping, expectation }
  enum Result: Hashable, Sendable {
    /// The file means something else with the key than without it.
    case effect
    /// The key is refused, by this name.
    case refused(String)
  }

  let owner: Owner
  let key: String
  let value: String
  /// What the object says besides; of a key that cannot be missing, with another value.
  let beside: String
  let result: Result
  /// A line for the file, such as what the processor is.
  let line: String

  init(
    _ owner: Owner, _ key: String, _ value: String, beside: String = "", _ result: Result = .effect,
    line: String = ""
  ) {
    self.owner = owner
    self.key = key
    self.value = value
    self.beside = beside
    self.result = result
    self.line = line
  }

  var testDescription: String { "\(owner).\(key): \(value) beside {\(beside)} \(line)" }

  private static let plain: [Owner: [(String, String)]] = [
    .file: [("memory", "64MiB"), ("mappings", "[]")],
    .processor: [], .slot: [("index", "510")],
    .range: [("base", "1MiB"), ("size", "1MiB")],
    .mapping: [("linear", "0x4000_0000"), ("size", "2MiB"), ("rights", "rw-")],
    .expectation: [
      ("address", "0x1000"), ("access", "read"), ("cpl", "0"), ("outcome", "success"),
    ],
  ]

  /// The file with or without the key.
  func text(withKey: Bool) -> String {
    var pairs = Self.plain[owner] ?? []
    for pair in beside.split(separator: ", ").map({ $0.split(separator: ": ") }) {
      pairs.removeAll { $0.0 == pair[0] }
      pairs.append((String(pair[0]), String(pair[1])))
    }
    if withKey {
      pairs.removeAll { $0.0 == key }
      pairs.append((key, value))
    }
    let object = "{" + pairs.map { "\($0.0): \($0.1)" }.joined(separator: ", ") + "}"
    let head = "memory: 64MiB\n" + (line.isEmpty ? "" : line + "\n")
    switch owner {
    case .file:
      return pairs.map { "\($0.0): \($0.1)" }.joined(separator: "\n") + "\n"
    case .processor: return head + "processor: \(object)\nmappings: []\n"
    case .range: return "memory: [\(object)]\nmappings: []\n"
    case .slot: return head + "recursive-slot: \(object)\nmappings: []\n"
    case .mapping: return head + "mappings:\n  - \(object)\n"
    case .expectation: return head + "mappings: []\nexpect:\n  - \(object)\n"
    }
  }
}

@Suite("A key of an address-space file has an effect, or is refused where it has none")
struct KeyEffectTests {
  private static let none = "rights: ---"
  private static let withoutRights = KeyCase.Result.refused("property-without-rights")

  private static let cases: [KeyCase] = [
    KeyCase(.file, "name", "a"), KeyCase(.file, "description", "a"), KeyCase(.file, "levels", "5"),
    KeyCase(.file, "memory", "32MiB"),
    KeyCase(.file, "mappings", "[{linear: 0, size: 4KiB, rights: r--}]"),
    KeyCase(.file, "processor", "{wp: false}"),
    KeyCase(
      .file, "expect", "[{address: 0, access: read, cpl: 0, outcome: fault}]"),
    KeyCase(.file, "recursive-slot", "510"),
    KeyCase(.file, "memory", "[{base: 1MiB, size: 1MiB}]"),
    KeyCase(.range, "base", "2MiB"), KeyCase(.range, "size", "2MiB"),
    KeyCase(.slot, "index", "511"),
    KeyCase(.slot, "rights", "r--"),
    KeyCase(.slot, "rights", "---", .refused("recursive-slot-unreadable")),
    KeyCase(.slot, "user", "true", .refused("user-recursive-slot")),
    KeyCase(.processor, "wp", "false"), KeyCase(.processor, "nxe", "false"),
    KeyCase(.processor, "smep", "true"), KeyCase(.processor, "smap", "true"),
    KeyCase(.processor, "pke", "true"),
    KeyCase(.processor, "ac", "true", beside: "smap: true"),
    KeyCase(.processor, "ac", "true", .refused("value-without-effect")),
    KeyCase(.processor, "ac", "true", beside: "smap: false", .refused("value-without-effect")),
    KeyCase(.processor, "pkru", "0x4", beside: "pke: true"),
    KeyCase(.processor, "pkru", "0x4", .refused("value-without-effect")),
    KeyCase(
      .processor, "pkru", "0xffff_ffff", beside: "pke: false", .refused("value-without-effect")),
    KeyCase(.processor, "pks", "true"),
    KeyCase(.processor, "pkrs", "0x4", beside: "pks: true"),
    KeyCase(.processor, "pkrs", "0x4", .refused("value-without-effect")),
    KeyCase(.processor, "pkrs", "0x4", beside: "pke: true", .refused("value-without-effect")),
    KeyCase(.mapping, "name", "a"), KeyCase(.mapping, "linear", "0x8000_0000"),
    KeyCase(.mapping, "linear", "0x80_0000_0000_0000", line: "levels: 5"),
    KeyCase(.mapping, "linear", "0x80_0000_0000_0000", .refused("not-canonical")),
    KeyCase(.mapping, "size", "4MiB"), KeyCase(.mapping, "rights", "r-x"),
    KeyCase(.mapping, "rights", "rw-", beside: "rights: rwx", line: "processor: {nxe: true}"),
    KeyCase(
      .mapping, "rights", "rw-", beside: "rights: rwx", .refused("execution-cannot-be-forbidden"),
      line: "processor: {nxe: false}"),
    KeyCase(.mapping, "physical", "0x20_0000"),
    KeyCase(.mapping, "physical", "0x20_0000", beside: none, .refused("target-without-rights")),
    KeyCase(.mapping, "user", "true"),
    KeyCase(.mapping, "user", "true", beside: none, withoutRights),
    KeyCase(.mapping, "page", "4KiB"),
    KeyCase(.mapping, "page", "4KiB", beside: none, withoutRights),
    KeyCase(.mapping, "memory-type", "UC"),
    KeyCase(.mapping, "memory-type", "UC", beside: none, withoutRights),
    // Without PKE the key stands in the entry, and no access depends on it.
    KeyCase(.mapping, "key", "3"),
    KeyCase(.mapping, "key", "3", line: "processor: {pke: true}"),
    KeyCase(.mapping, "key", "3", beside: none, withoutRights),
    KeyCase(.mapping, "global", "true"),
    KeyCase(.mapping, "global", "true", beside: none, withoutRights),
    KeyCase(.mapping, "accessed", "true"), KeyCase(.mapping, "accessed", "false"),
    KeyCase(.mapping, "accessed", "false", beside: none, withoutRights),
    KeyCase(.mapping, "dirty", "true"), KeyCase(.mapping, "dirty", "false"),
    KeyCase(.mapping, "dirty", "false", beside: none, withoutRights),
    KeyCase(.mapping, "software-bits", "1"),
    KeyCase(.mapping, "software-bits", "1", beside: none, withoutRights),
    KeyCase(.mapping, "device", "true", beside: "physical: 0x1_0000_0000", line: "levels: 4"),
    KeyCase(.mapping, "device", "true", .refused("device-without-address")),
    KeyCase(
      .mapping, "device", "true", beside: "physical: anywhere", .refused("device-without-address")),
    KeyCase(.expectation, "address", "0x2000"), KeyCase(.expectation, "access", "write"),
    KeyCase(.expectation, "cpl", "3"), KeyCase(.expectation, "outcome", "fault"),
    KeyCase(.expectation, "physical", "0x3000"),
    KeyCase(
      .expectation, "physical", "0x3000", beside: "outcome: fault",
      .refused("contradictory-expectation")),
    KeyCase(.expectation, "error-code", "0", beside: "outcome: fault"),
    KeyCase(.expectation, "error-code", "0", .refused("contradictory-expectation")),
    KeyCase(
      .expectation, "error-code", "0x21", beside: "outcome: fault",
      line: "processor: {pke: true}"),
    KeyCase(
      .expectation, "error-code", "0x21", beside: "outcome: fault",
      .refused("impossible-error-code"), line: "processor: {pke: false}"),
  ]

  /// Keys that count in every file.
  private static let alwaysCounting: Set<String> = [
    "file.name", "file.description", "file.levels", "file.memory", "file.mappings",
    "file.processor", "file.expect", "file.recursive-slot", "slot.index", "range.base",
    "range.size",
    "processor.wp", "processor.nxe", "processor.smep",
    "processor.smap", "processor.pke", "processor.pks", "mapping.name", "mapping.size",
    "expectation.address",
    "expectation.access", "expectation.cpl", "expectation.outcome",
  ]

  private let reader = AddressSpaceFileReader(limits: InputLimits(memoryByteCount: 1 << 34))

  @Test(
    "With the key the file means something else, or the key is refused", arguments: cases.indices)
  func each(_ index: Int) throws {
    let example = Self.cases[index]
    let with = Array(example.text(withKey: true).utf8)
    let outcome = reader.read(with, path: "test.yaml")
    switch (example.result, outcome) {
    case (.effect, .file(let changed)):
      if example.key == "device" {
        // Without it this is memory that the guest does not have.
        #expect(reader.problems(example.text(withKey: false)) == ["4:62 outside-memory"])
        return
      }
      let plain = try #require(reader.file(example.text(withKey: false)))
      #expect(plain.addressSpace != changed.addressSpace || plain.summary != changed.summary)
    case (.refused(let id), .problems(let problems, 0)):
      let problem = try #require(problems.first)
      #expect(problems.count == 1 && problem.id == id && !problem.hint.isEmpty)
      let lines = example.text(withKey: true).split(separator: "\n")
      let rest = lines[problem.position.line - 1].utf8.dropFirst(problem.position.column - 1)
      // The place is that of the value, or of the rights that make it void.
      let isTarget = id == "target-without-rights"
      #expect(String(rest)?.hasPrefix(isTarget ? "---" : example.value) == true)
      // Without the key there is nothing to refuse, and a default is no key's effect.
      if id != "execution-cannot-be-forbidden" && example.key != "linear" {
        #expect(reader.problems(example.text(withKey: false)) == [])
      }
    default: Issue.record("\(example.testDescription): \(outcome)")
    }
  }

  @Test("Every key has a case where it counts, and one where it would not unless it always does")
  func complete() {
    var keys: Set<String> = []
    for (owner, vocabulary) in [
      (KeyCase.Owner.file, Vocabulary.file), (.processor, .processor), (.mapping, .mapping),
      (.expectation, .expectation), (.slot, .recursiveSlot),
      (.range, .memoryRange),
    ] {
      for key in vocabulary.keys {
        let found = Self.cases.filter { $0.owner == owner && $0.key == key }
        let name = "\(owner).\(key)"
        // CPL 3 never may use the tables, which the key can say and not change.
        #expect(found.contains { $0.result == .effect } || name == "slot.user", "\(name)")
        #expect(
          found.contains { $0.result != .effect } != Self.alwaysCounting.contains(name), "\(name)")
        keys.insert(name)
      }
    }
    #expect(keys.count == 42 && keys.isSuperset(of: Self.alwaysCounting))
    #expect(Self.cases.allSatisfy { keys.contains("\($0.owner).\($0.key)") })
  }

  @Test("What the processor does without being told may be said")
  func defaults() {
    #expect(
      reader.problems(
        "memory: 4MiB\nmappings: []\nprocessor: {smap: false, ac: false, pke: false, pkru: 0, pks: false, pkrs: 0}\n"
      )
        == [])
  }
}
