// The report formats, from plain inputs to exact text.

import TestSupport
import Testing

@testable import kvmpt

@Suite("Each report format says what its readers can read")
struct WriterTests {
  static let nasty = "<a> & \"b\" 'c'\u{1}\n\té\u{2028}\\ # 1"

  static let suite = ReportSuite(
    name: "Examples/x.yaml",
    properties: [("walker", "KVM shadow paging"), ("<odd>", "a\nb")],
    cases: [
      ReportCase(name: "text", group: "mappings", outcome: .passed),
      ReportCase(
        name: "data #1", group: "mappings",
        outcome: .failed(
          id: "wrong-rights", message: "executed rw-, asked r--",
          details: ["level 1: W is set", Self.nasty]), file: "x.yaml", line: 7),
      ReportCase(
        name: "big", group: "mappings", outcome: .skipped(reason: "no 1 GiB pages\nhere")),
      ReportCase(
        name: "hung", group: "mappings",
        outcome: .errored(id: "time-limit", message: "no answer", details: [])),
    ])

  @Test("JSON strings and large numbers survive")
  func json() throws {
    var writer = JSONWriter(to: "")
    writer.beginObject()
    writer.member("text", Self.nasty)
    writer.member("flag", true)
    writer.member("count", -3)
    writer.member("address", hexadecimal: .max)
    writer.key("time")
    writer.milliseconds(.microseconds(1_234_567))
    writer.key("list")
    writer.beginArray()
    writer.null()
    writer.beginObject()
    writer.endObject()
    writer.beginArray()
    writer.endArray()
    writer.endArray()
    writer.endObject()
    #expect(
      writer.output == """
        {
          "text": "<a> & \\"b\\" 'c'\\u0001\\n\\té\\u2028\\\\ # 1",
          "flag": true,
          "count": -3,
          "address": "0xffffffffffffffff",
          "time": 1234.567,
          "list": [
            null,
            {},
            []
          ]
        }

        """)
    let value = try JSONValue(json: writer.output)
    #expect(value["text"] == .string(Self.nasty))
  }

  @Test("Random JSON is read back as it was written")
  func randomJSON() throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      let value = Self.randomValue(depth: 0, using: &generator)
      var writer = JSONWriter(to: "")
      Self.write(value, to: &writer)
      #expect(try JSONValue(json: writer.output) == value)
    }
  }

  private static func randomValue(
    depth: Int, using generator: inout SeededGenerator
  ) -> JSONValue {
    switch generator.index(below: depth < 4 ? 6 : 4) {
    case 0: return .null
    case 1: return .bool(generator.index(below: 2) == 0)
    case 2: return .integer(Int(truncatingIfNeeded: generator.next()))
    case 3:
      let scalars = (0..<generator.index(below: 8)).compactMap { _ in
        Unicode.Scalar(UInt32(generator.index(below: 0x300)))
      }
      return .string(String(String.UnicodeScalarView(scalars)))
    case 4:
      return .array(
        (0..<generator.index(below: 4)).map { _ in randomValue(depth: depth + 1, using: &generator)
        })
    default:
      return .object(
        Dictionary(
          uniqueKeysWithValues: (0..<generator.index(below: 4)).map {
            ("key \($0)", randomValue(depth: depth + 1, using: &generator))
          }))
    }
  }

  private static func write(_ value: JSONValue, to writer: inout JSONWriter<String>) {
    switch value {
    case .null: writer.null()
    case .bool(let flag): writer.value(flag)
    case .integer(let number): writer.value(number)
    case .number: Issue.record("the writer has no fractions but times")
    case .string(let text): writer.value(text)
    case .array(let items):
      writer.beginArray()
      for item in items { write(item, to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for (key, member) in members.sorted(by: { $0.key < $1.key }) {
        writer.key(key)
        write(member, to: &writer)
      }
      writer.endObject()
    }
  }

  @Test("JUnit counts outcomes and escapes everything")
  func junit() {
    var text = ""
    JUnitWriter.write(Self.suite, to: &text)
    let counts = "name=\"Examples/x.yaml\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""
    #expect(
      text == """
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites \(counts)>
          <testsuite \(counts)>
            <properties>
              <property name="walker" value="KVM shadow paging"/>
              <property name="&lt;odd&gt;" value="a&#10;b"/>
            </properties>
            <testcase name="text" classname="mappings"/>
            <testcase name="data #1" classname="mappings" file="x.yaml" line="7">
              <failure message="executed rw-, asked r--" type="wrong-rights">\
        level 1: W is set&#10;&lt;a&gt; &amp; &quot;b&quot; &apos;c&apos;\u{fffd}&#10;&#9;é\u{fffd}\
        \\ # 1</failure>
            </testcase>
            <testcase name="big" classname="mappings">
              <skipped message="no 1 GiB pages&#10;here"/>
            </testcase>
            <testcase name="hung" classname="mappings">
              <error message="no answer" type="time-limit"></error>
            </testcase>
          </testsuite>
        </testsuites>

        """)
  }

  @Test("TAP has a plan, skips with reasons, and diagnostics that are YAML")
  func tap() throws {
    var text = ""
    TAPWriter.write(Self.suite, to: &text)
    #expect(
      text == """
        TAP version 14
        # walker: KVM shadow paging
        # <odd>: a b
        1..4
        ok 1 - text
        not ok 2 - data \\#1
          ---
          id: "wrong-rights"
          message: "executed rw-, asked r--"
          at:
            file: "x.yaml"
            line: 7
          details:
            - "level 1: W is set"
            - "<a> & \\"b\\" 'c'\\u0001\\n\\té\\u2028\\\\ # 1"
          ...
        ok 3 - big # SKIP no 1 GiB pages here
        not ok 4 - hung
          ---
          id: "time-limit"
          message: "no answer"
          ...

        """)
    let start = try #require(text.firstRange(of: "  ---\n")).upperBound
    let end = try #require(text.firstRange(of: "  ...\n")).lowerBound
    let block = try #require(JSONValue(yaml: Array(text[start..<end].utf8)))
    #expect(block["at"]?["line"] == .integer(7))
    #expect(block["details"] == .array([.string("level 1: W is set"), .string(Self.nasty)]))
  }

  @Test("A suite without KVM is one skip")
  func skippedTAP() {
    var text = ""
    TAPWriter.writeSkipped(reason: "no /dev/kvm", to: &text)
    #expect(text == "TAP version 14\n1..0 # SKIP no /dev/kvm\n")
  }

  @Test("Columns are as wide as their widest cell, and lines end without blanks")
  func table() {
    var table = TextTable([("name", .left), ("pages", .right), ("", .left)])
    table.append(["text", "512", "ok"])
    table.append(["a longer name", TextTable.Cell("4", .red), ""])
    #expect(
      table.rendered(styler: TextStyler(isEnabled: false))
        == "  name           pages\n  text             512  ok\n  a longer name      4\n")
    #expect(
      table.rendered(styler: TextStyler(isEnabled: true)).contains("    \u{1b}[31m4\u{1b}[0m\n"))
  }

  @Test(
    "Colour follows the choice, then the environment, then the terminal",
    arguments: [
      (.auto, true, [:], true), (.auto, false, [:], false), (.auto, true, ["NO_COLOR": "1"], false),
      (.auto, true, ["NO_COLOR": ""], true), (.auto, true, ["TERM": "dumb"], false),
      (.auto, false, ["CLICOLOR_FORCE": "1"], true), (.auto, false, ["FORCE_COLOR": "1"], true),
      (.auto, true, ["FORCE_COLOR": "0"], false),
      (.auto, false, ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
      (.always, false, ["NO_COLOR": "1"], true), (.never, true, ["FORCE_COLOR": "1"], false),
    ] as [(ColorChoice, Bool, [String: String], Bool)])
  func colorChoice(
    _ choice: ColorChoice, _ isTerminal: Bool, _ environment: [String: String], _ expected: Bool
  ) {
    #expect(choice.usesColor(onTerminal: isTerminal) { environment[$0] } == expected)
  }

  @Test("Progress says how many of how many")
  func progress() {
    #expect(ProgressLine.text("probes", 250, 1000) == "probes: 250 of 1000 (25 %)")
    #expect(ProgressLine.text("probes", 0, 0) == "probes: 0 of 0 (0 %)")
  }

  @Test("What a case that passed has left out is told beside it")
  func notes() {
    let suite = ReportSuite(
      name: "x",
      cases: [
        ReportCase(
          name: "a", group: "g", outcome: .passed, notes: ["3 probes skipped: <why>", "and\nmore"])
      ])
    var junit = ""
    JUnitWriter.write(suite, to: &junit)
    #expect(
      junit.contains("<system-out>3 probes skipped: &lt;why&gt;&#10;and&#10;more</system-out>"))
    var tap = ""
    TAPWriter.write(suite, to: &tap)
    #expect(tap.hasSuffix("\nok 1 - a\n# 3 probes skipped: <why>\n# and more\n"))
  }
}
