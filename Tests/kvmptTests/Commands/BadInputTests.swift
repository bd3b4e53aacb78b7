// Every class of bad input, given to the built program.

import Testing

@testable import kvmpt

@Suite("Whatever is wrong with a file, the program says where, what and what would be right")
struct BadInputTests {
  /// A file, and its problems as `line:column id`, in order.
  typealias Case = (name: String, text: String, problems: [String])

  static func mapping(_ keys: String) -> String {
    "memory: 64MiB\nmappings:\n  - {name: a, linear: 4KiB, size: 8KiB, rights: rw-}\n  - {\(keys)}\n"
  }

  static let cases: [Case] = [
    (
      "unknown keys", mapping("linear: 1MiB, size: 4KiB, rights: rw-, colour: red, usr: true"),
      ["4:45 unknown-key", "4:58 unknown-key"]
    ),
    (
      "overlapping mappings", mapping("linear: 0x2000, size: 8KiB, rights: rw-"),
      ["4:14 overlapping-mappings"]
    ),
    (
      "misaligned addresses", mapping("linear: 0x10_0001, physical: 0x12, size: 4KiB, rights: rw-"),
      ["4:14 misaligned", "4:35 misaligned"]
    ),
    (
      "addresses that are not canonical", mapping("linear: 1TiB_, size: 4KiB, rights: rw-"),
      ["4:14 bad-number"]
    ),
    (
      "addresses in the hole", mapping("linear: 0x9000_0000_0000, size: 4KiB, rights: rw-"),
      ["4:14 not-canonical"]
    ),
    (
      "sizes that overflow the number", mapping("linear: 0, size: 16777216TiB, rights: rw-"),
      ["4:23 bad-number"]
    ),
    (
      "sizes that wrap around",
      mapping("linear: 0xffff_ffff_ffff_f000, size: 8KiB, rights: rw-"),
      ["4:43 leaves-canonical-half"]
    ),
    (
      "physical ranges outside of memory",
      mapping("linear: 1MiB, physical: 64MiB, size: 4KiB, rights: rw-"), ["4:30 outside-memory"]
    ),
    (
      "devices inside of memory",
      mapping("linear: 1MiB, physical: 0, size: 4KiB, rights: rw-, device: true"),
      ["4:30 device-overlaps-memory"]
    ),
    (
      "more memory than the host has", "memory: 900TiB\nmappings: []\n",
      ["1:9 memory-exceeds-host"]
    ),
    (
      "rights that contradict", mapping("linear: 0, size: 4KiB, rights: -wx"),
      ["4:37 write-without-read"]
    ),
    (
      "rights that contradict what else is said",
      mapping("linear: 0, size: 4KiB, rights: ---, physical: 0, user: true"),
      ["4:61 property-without-rights"]
    ),
    (
      "expectations that contradict",
      "memory: 4MiB\nmappings: []\nexpect:\n"
        + "  - {address: 0, access: read, cpl: 0, outcome: success, error-code: 4}\n",
      ["4:70 contradictory-expectation"]
    ),
    (
      "words for truth values", "memory: 4MiB\nmappings: []\nprocessor: {wp: on}\n",
      ["3:17 bad-value"]
    ),
    ("an empty file", "", ["1:1 empty-file"]),
    ("prose", "This is a letter, and no address space.\n", ["1:1 wrong-type"]),
    ("a binary", "\u{7f}ELF\u{2}\u{1}", ["1:1 control-character"]),
    ("another format", "[memory]\nsize = 3\n", ["2:1 bad-indentation"]),
    ("JSON without a comma", "{\"memory\": 4096 \"mappings\": []}", ["1:27 missing-comma"]),
    ("tabs", "memory: 4MiB\nmappings:\n\t- linear: 0\n", ["3:1 tab-indentation"]),
    ("a missing space", "memory:64MiB\nmappings: []\n", ["1:7 missing-space"]),
    ("wrong indentation", "memory: 4MiB\nmappings:\n  - a: 0\n   b: 1\n", ["4:4 bad-indentation"]),
    ("a key twice", "memory: 4MiB\nmappings: []\nmemory: 8MiB\n", ["1:1 duplicate-key"]),
    ("aliases", "memory: &m 4MiB\nmappings: []\n", ["1:9 yaml-alias"]),
  ]

  /// Splits what the program wrote into `line:column id`; a line of another form stays as it is.
  static func problems(_ errors: String, path: String) throws -> [String] {
    let form = /(?<line>\d+):(?<column>\d+): error: [^A-Z\n].+ \[(?<id>[a-z0-9-]+)\]/
    var found: [String] = []
    let lines = errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    for (index, line) in lines.enumerated() {
      if index % 2 == 1 {
        if !line.hasPrefix("  hint: ") || line.utf8.count < 12 { found.append("no hint: \(line)") }
      } else if line.hasPrefix("\(path):"),
        let match = try form.wholeMatch(in: line.dropFirst(path.utf8.count + 1))
      {
        found.append("\(match.line):\(match.column) \(match.id)")
      } else {
        found.append(String(line))
      }
    }
    return found
  }

  @Test("Each class of bad input has its message, with a hint", arguments: cases.indices)
  func message(_ index: Int) throws {
    let (name, text, expected) = Self.cases[index]
    let file = try TemporaryFile(text)
    let check = try ProgramRun(["check", file.path])
    #expect(check.exitCode == 65, "\(name)")
    #expect(check.output.isEmpty)
    #expect(try Self.problems(check.errors, path: file.path) == expected, "\(name)")
  }

  @Test("verify refuses a file in the words of check, before it looks for KVM")
  func verifySaysTheSame() throws {
    let file = try TemporaryFile(Self.mapping("linear: 0x2000, size: 7KiB, rights: rx"))
    let check = try ProgramRun(["check", file.path])
    let verify = try ProgramRun(["verify", file.path, "--kvm-device", "/no/such/device"])
    #expect(verify.exitCode == 65 && verify.output.isEmpty)
    #expect(verify.errors == check.errors)
  }

  @Test("A file that cannot be read does not hide the others")
  func unreadableFiles() throws {
    let good = try TemporaryFile(ProgramTests.sound)
    let paths = ["/no/such/file", good.path, "/no/such/file"]
    let text = try ProgramRun(["check"] + paths)
    #expect(text.exitCode == 65)
    #expect(text.output.hasPrefix("\(good.path): ok"))
    #expect(text.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }.count == 2)

    let json = try ProgramRun(["check", "--format", "json"] + paths)
    #expect(json.exitCode == 65 && json.errors.isEmpty)
    let report = try JSONValue(json: json.output)
    let ids = report["files"]?.elements.map { $0["problems"]?.elements.first?["id"] }
    #expect(ids == [.string("unreadable"), nil, .string("unreadable")])
  }

  @Test("Any number of problems is reported, a hundred of them in full")
  func manyProblems() throws {
    let lines = (0..<1000).map { "  - {linear: \($0), size: 4KiB, rights: rw-}\n" }
    let file = try TemporaryFile("memory: 64MiB\nmappings:\n" + lines.joined())
    let run = try ProgramRun(["check", file.path])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains(" more problems\n"))
    #expect(run.errors.split(separator: "\n").count == 201)
  }
}
