// What a user reads about a file that is wrong.

import GuestMem
import MMU
import Probe
import Testing

@testable import kvmpt

extension AddressSpaceFileReader {
  /// The problems of a text, as `line:column id`.
  func problems(_ text: String) -> [String] {
    switch read(Array(text.utf8), path: "test.yaml") {
    case .file: []
    case .problems(let problems, _):
      problems.map { "\($0.position.line):\($0.position.column) \($0.id)" }
    }
  }

  func file(_ text: String) -> AddressSpaceFile? {
    if case .file(let file) = read(Array(text.utf8), path: "test.yaml") { return file }
    return nil
  }
}

@Suite("A file that is wrong says where, what, and what would be right")
struct AddressSpaceFileReaderTests {
  let reader = AddressSpaceFileReader(limits: InputLimits(memoryByteCount: 1 << 34))

  /// A file with one mapping, whose keys are `keys`, and further lines.
  static func file(_ keys: String, _ more: String = "") -> String {
    "memory: 64MiB\nmappings:\n  - {\(keys)}\n\(more)"
  }

  static func ranges(_ value: String) -> String {
    "memory: \(value)\nmappings: []\n"
  }

  static func slot(_ value: String) -> String {
    "memory: 64MiB\nrecursive-slot: \(value)\nmappings: []\n"
  }

  static func expecting(_ keys: String) -> String {
    "memory: 64MiB\nmappings: []\nexpect:\n  - {\(keys)}\n"
  }

  static let cases: [(text: String, problems: [String])] = [
    ("", ["1:1 empty-file"]),
    ("# nothing\n", ["1:1 empty-file"]),
    ("just text", ["1:1 wrong-type"]),
    ("- 1\n", ["1:1 wrong-type"]),
    ("memory: 4MiB\n", ["1:1 missing-key"]),
    ("mappings: []\n", ["1:1 missing-key"]),
    ("memory: 4MiB\nmappings:\n", ["2:10 missing-value"]),
    ("memory: 4MiB\nmappings: none\n", ["2:11 wrong-type"]),
    ("memory: 4MiB\nmapings: []\n", ["1:1 missing-key", "2:1 unknown-key"]),
    ("memory: 4MB\nmappings: []\n", ["1:9 bad-number"]),
    ("memory: 0\nmappings: []\n", ["1:9 no-memory"]),
    ("memory: 5000\nmappings: []\n", ["1:9 misaligned-memory"]),
    ("memory: 17GiB\nmappings: []\n", ["1:9 memory-exceeds-host"]),
    ("memory: 16777215TiB\nmappings: []\n", ["1:9 memory-too-large"]),
    ("memory: 99999999TiB\nmappings: []\n", ["1:9 bad-number"]),
    ("memory: 4MiB\nlevels: 3\nmappings: []\n", ["2:9 bad-value"]),
    (
      "memory: 4MiB\nprocessor: {wp: 1, nx: true}\nmappings: []\n",
      ["2:17 bad-value", "2:20 unknown-key"]
    ),
    (
      "memory: 4MiB\nprocessor: {pkru: 0x1_0000_0000}\nmappings: []\n",
      ["2:19 number-out-of-range"]
    ),
    (ranges("[]"), ["1:9 no-memory"]),
    (ranges("[64MiB]"), ["1:10 wrong-type"]),
    (ranges("{base: 0, size: 4KiB}"), ["1:9 wrong-type"]),
    (ranges("[{base: 0}]"), ["1:10 missing-key"]), (ranges("[{size: 0}]"), ["1:10 missing-key"]),
    (ranges("[{base: 0, size: 4KiB, end: 1}]"), ["1:32 unknown-key"]),
    (ranges("[{base: 0, size: 0}]"), ["1:9 no-memory"]),
    (ranges("[{base: 4KiB, size: 0}]"), ["1:29 empty-memory-range"]),
    (ranges("[{base: 1, size: 4KiB}]"), ["1:17 misaligned-memory-range"]),
    (ranges("[{base: 4KiB, size: 4097}]"), ["1:29 misaligned-memory-range"]),
    (ranges("[{base: 4TiB, size: 4KiB}]"), ["1:29 memory-range-too-high"]),
    (
      ranges("[{base: 0xffff_ffff_ffff_f000, size: 8KiB}]"), ["1:46 memory-range-too-high"]
    ),
    (
      ranges("[{base: 0, size: 8KiB}, {base: 4KiB, size: 8KiB}]"),
      ["1:40 overlapping-memory-ranges"]
    ),
    (ranges("[{base: 0, size: 8GiB}, {base: 32GiB, size: 9GiB}]"), ["1:9 memory-exceeds-host"]),
    (ranges("[{base: 64GiB, size: 64KiB}, {base: 4KiB, size: 64KiB}]"), []),
    (slot("512"), ["2:17 recursive-slot-out-of-range"]),
    (slot("0xffff_ffff_ffff_ffff"), ["2:17 recursive-slot-out-of-range"]),
    (slot("-1"), ["2:17 bad-number"]), (slot("2MiB"), ["2:17 bad-number"]),
    (slot(""), ["2:16 missing-value"]), (slot("[510]"), ["2:17 wrong-type"]),
    (slot("{rights: rw-}"), ["2:17 missing-key"]),
    (slot("{rights: rw-, index: 512}"), ["2:38 recursive-slot-out-of-range"]),
    (slot("{}"), ["2:17 missing-key"]),
    (slot("{index: 1, user: true}"), ["2:34 user-recursive-slot"]),
    (slot("{index: 1, right: rw-}"), ["2:28 unknown-key"]),
    (slot("{index: 1, rights: ---}"), ["2:36 recursive-slot-unreadable"]),
    (slot("{index: 1, rights: -w-}"), ["2:36 recursive-slot-unreadable"]),
    (slot("{index: 1, rights: rws}"), ["2:36 bad-rights"]),
    (slot("511\nprocessor: {nxe: false}"), ["2:17 recursive-slot-executable"]),
    (slot("{index: 511, rights: rwx}\nprocessor: {nxe: false}"), []),
    (slot("510\nrecursive-slot: 511"), ["2:1 duplicate-key"]),
    (
      file("linear: 0xffff_ff00_0000_0000, size: 4KiB, rights: ---", "recursive-slot: 510\n"),
      ["3:14 mapping-in-recursive-slot"]
    ),
    (
      file("linear: 0xffff_feff_ffff_f000, size: 4KiB, rights: r--", "recursive-slot: 510\n"), []
    ),
    (file("linear: 0, size: 4KiB"), ["3:5 missing-key"]),
    (file("linear: , size: 4KiB, rights: rw-"), ["3:14 missing-value"]),
    (file("linear: [0], size: 4KiB, rights: rw-"), ["3:14 wrong-type"]),
    (file("linear: 0x800, size: 4KiB, rights: rw-"), ["3:14 misaligned"]),
    (file("linear: 0x8000_0000_0000, size: 4KiB, rights: rw-"), ["3:14 not-canonical"]),
    (file("linear: -1, size: 4KiB, rights: rw-"), ["3:14 bad-number"]),
    (file("linear: 0, size: 0, rights: rw-"), ["3:23 empty-mapping"]),
    (file("linear: 0, size: 4097, rights: rw-"), ["3:23 misaligned"]),
    (file("linear: 0x7fff_ffff_f000, size: 8KiB, rights: rw-"), ["3:38 leaves-canonical-half"]),
    (
      file("linear: 0, size: 0xffff_ffff_ffff_f000, rights: rw-"),
      ["1:9 memory-exhausted", "3:23 leaves-canonical-half"]
    ),
    (file("linear: 0, size: 4KiB, rights: rwxu"), ["3:37 bad-rights"]),
    (file("linear: 0, size: 4KiB, rights: -w-"), ["3:37 write-without-read"]),
    (file("linear: 0, size: 4KiB, rights: --x"), ["3:37 execute-without-read"]),
    (file("linear: 0, size: 4KiB, rights: ---, physical: 0"), ["3:37 target-without-rights"]),
    (
      file("linear: 0, size: 4KiB, rights: ---, user: true, dirty: false"),
      ["3:48 property-without-rights", "3:61 property-without-rights"]
    ),
    (file("linear: 0, size: 4KiB, rights: r--, physical: 64MiB"), ["3:52 outside-memory"]),
    (
      file("linear: 0, size: 4KiB, rights: r--, physical: 0x10_0000_0000_0000"),
      ["3:52 physical-address-too-wide"]
    ),
    (file("linear: 0, size: 4KiB, rights: r--, physical: 0xf_ffff_ffff_f000, device: true"), []),
    (
      file("linear: 0, size: 8KiB, rights: r--, physical: 0xf_ffff_ffff_f000, device: true"),
      ["3:52 physical-range-too-wide"]
    ),
    (
      file("linear: 0, size: 4KiB, rights: r--, physical: 0, device: true"),
      ["3:52 device-overlaps-memory"]
    ),
    (file("linear: 0, size: 4KiB, rights: r--, device: true"), ["3:50 device-without-address"]),
    (file("linear: 0, size: 4KiB, rights: r--, page: 4KB"), ["3:48 bad-value"]),
    (file("linear: 0, size: 4KiB, rights: r--, page: 2MiB"), ["3:23 misaligned"]),
    (file("linear: 0, size: 4KiB, rights: r--, memory-type: wb"), ["3:55 bad-value"]),
    (file("linear: 0, size: 4KiB, rights: r--, key: 16"), ["3:47 number-out-of-range"]),
    (
      file("linear: 0, size: 4KiB, rights: r--, software-bits: 1024"),
      ["3:57 number-out-of-range"]
    ),
    (file("linear: 0, size: 4KiB, rights: r--, user: \"true\""), ["3:48 bad-value"]),
    (file("linear: 0, size: 4KiB, rights: r--, name: \"a\\nb\""), ["3:48 bad-name"]),
    (
      file("linear: 0, size: 4KiB, rights: r--", "processor: {nxe: false}\n"),
      ["3:37 execution-cannot-be-forbidden"]
    ),
    (
      file(
        "name: a, linear: 0, size: 8KiB, rights: r--",
        "  - {name: b, linear: 4KiB, size: 4KiB, rights: r--}\n"), ["4:23 overlapping-mappings"]
    ),
    (
      file(
        "name: a, linear: 0, size: 4KiB, rights: r--",
        "  - {name: a, linear: 4KiB, size: 4KiB, rights: r--}\n"), ["4:12 duplicate-name"]
    ),
    (expecting("address: 0, access: exec, cpl: 0, outcome: fault"), ["4:26 bad-value"]),
    (expecting("address: 0, access: read, cpl: 1, outcome: fault"), ["4:37 bad-value"]),
    (expecting("address: 0, access: read, cpl: 0"), ["4:5 missing-key"]),
    (
      expecting("address: 0, access: read, cpl: 0, outcome: fault, physical: 0"),
      ["4:66 contradictory-expectation"]
    ),
    (
      expecting("address: 0, access: read, cpl: 0, outcome: success, error-code: 0"),
      ["4:70 contradictory-expectation"]
    ),
    (
      expecting("address: 0, access: read, cpl: 0, outcome: fault, error-code: 2"),
      ["4:68 impossible-error-code"]
    ),
    (
      expecting("address: 0x800000000000, access: read, cpl: 0, outcome: success"),
      ["4:62 success-at-non-canonical-address"]
    ),
    ("memory: 4MiB\nmappings: []\nx: \u{1}\n", ["3:4 control-character"]),
    ("memory: 4MiB\nmappings: []\nx: a\u{2028}b\n", ["3:5 control-character"]),
    ("memory: 4MiB\nmappings: []\nx: a\u{85}\n", ["3:5 control-character"]),
    ("memory: 4MiB\nmappings: []\n\u{feff}x: a\n", ["3:1 control-character"]),
    ("memory: 4MiB\nmappings: []\nmemory: 4MiB\n", ["1:1 duplicate-key"]),
    ("memory: 4MiB\nmappings: &a []\n", ["2:11 yaml-alias"]),
    ("\u{feff}memory: 4MiB\nmappings: []\n", []),
  ]

  @Test("Each kind of mistake has its id and its place", arguments: cases)
  func findsMistakes(_ text: String, _ problems: [String]) {
    #expect(reader.problems(text) == problems)
  }

  @Test("Bytes that are not text are refused where they stand")
  func refusesBinary() {
    let cases: [([UInt8], String)] = [
      ([0xff, 0xfe, 0x61, 0], "1:1 not-utf-8"), ([0x61, 0x0a, 0x62, 0], "2:2 control-character"),
      ([0x61, 0x0a, 0xc3, 0xa9, 0xc3], "2:2 not-utf-8"), ([0xed, 0xa0, 0x80], "1:1 not-utf-8"),
      ([0x0a, 0x0a, 0x80], "3:1 not-utf-8"), ([0xf4, 0x90, 0x80, 0x80], "1:1 not-utf-8"),
    ]
    for (bytes, expected) in cases {
      guard case .problems(let problems, _) = reader.read(bytes, path: "x") else {
        Issue.record("\(bytes) was accepted")
        continue
      }
      #expect(
        problems.map { "\($0.position.line):\($0.position.column) \($0.id)" } == [expected])
    }
  }

  @Test("A file of more than 16 MiB is refused unread")
  func refusesHugeFiles() {
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: 16 << 20 + 1)
    guard case .problems(let problems, _) = reader.read(bytes, path: "x") else {
      Issue.record("accepted")
      return
    }
    #expect(problems.map(\.id) == ["file-too-large"])
  }

  @Test("All problems of a file come at once, in the order of its lines")
  func reportsEverything() {
    let text = """
      memory: 64MB
      levels: six
      mappings:
        - name: text
          linear: 0x1001
          size: 4KiB
          right: r-x
        - linear: 0x8000_0000_0000
          size: 1.5MiB
          rights: xr
          user: yes
      expect:
        - {address: 0, access: reed, cpl: 0, outcome: fault}
      unknown: 1
      """
    #expect(
      reader.problems(text) == [
        "1:9 bad-number", "2:9 bad-value", "4:5 missing-key", "7:5 unknown-key",
        "9:11 bad-number", "10:13 bad-rights", "11:11 bad-value", "13:26 bad-value",
        "14:1 unknown-key",
      ])
  }

  @Test("A problem is printed as compilers print theirs")
  func rendersLikeACompiler() throws {
    let text = "memory: 64MiB\nmappings:\n  - {linear: 0, size: 4KiB, rigths: rw-}\n"
    guard case .problems(let problems, _) = reader.read(Array(text.utf8), path: "a.yaml") else {
      Issue.record("accepted")
      return
    }
    #expect(
      problems.map { $0.rendered(path: "a.yaml") } == [
        "a.yaml:3:5: error: a mapping needs the key 'rights' [missing-key]\n"
          + "  hint: add 'rights: rw-'",
        "a.yaml:3:29: error: a mapping has no key 'rigths' [unknown-key]\n"
          + "  hint: did you mean 'rights'?",
      ])
  }

  @Test(
    "A word that is nearly right gets the right one as a hint",
    arguments: [
      ("Linear", "linear"), ("linaer", "linear"), ("memory_type", "memory-type"),
      ("va", "linear"), ("pkey", "key"), ("page-size", "page"), ("softwarebits", "software-bits"),
      ("lenght", "size"),
    ])
  func suggestsKeys(_ wrong: String, _ right: String) {
    #expect(Vocabulary.mapping.hint(for: wrong) == "did you mean '\(right)'?")
    #expect(Vocabulary.mapping.hint(for: "xyzzy").contains("linear, physical, size"))
  }
}
