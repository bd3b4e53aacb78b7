// What the program writes for itself, read again: nothing is lost, and nothing can be changed.

import ArgumentParser
import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

@Suite("A result file that is read again says what it was written to say")
struct WrittenAndReadTests {
  @Test("A report: every count, every case and every example", arguments: [0, 3], [0, 1, 7])
  func report(_ ruledCount: Int, _ unexplainedCount: Int) throws {
    let report = try WrittenReport.make(
      ruledCount: ruledCount, unexplainedCount: unexplainedCount)
    let file = try TemporaryFile(WrittenReport.text(report))
    let read = try ResultFile.conformance(at: file.path)
    #expect(read.profile == report.profile && read.shard == report.shard)
    #expect(read.machine == report.machine && read.finished == report.finished)
    #expect(read.total == report.total)
    #expect(read.profileBlockCount == report.profileBlockCount)
    #expect(read.evidence.agreed == report.evidence.agreed)
    #expect(read.evidence.differences == report.evidence.differences)
    #expect(read.notRun == report.notRun && read.time == report.time)
    #expect(try WrittenReport.text(read) == WrittenReport.text(report))
    let findings = read.findings
    #expect(findings.explainedCount == ruledCount)
    #expect(findings.unexplained.count == unexplainedCount)
  }

  @Test("A file of --resume is the report, once it was written in place of another one")
  func resumed() throws {
    let report = try WrittenReport.make()
    let file = try TemporaryFile("something else")
    try ResumeFile(path: file.path).write(report, report.findings)
    #expect(try file.text() == WrittenReport.text(report))
    // While a run goes on no rule is derived.
    let underived = ConformanceFindings(underived: report.evidence)
    try ResumeFile(path: file.path).write(report, underived, fallback: .nothing)
    #expect(try file.text() == WrittenReport.text(report, underived))
    #expect(try ResultFile.conformance(at: file.path).evidence == report.evidence)
  }

  @Test("A machine profile: the machine and its rules")
  func profile() throws {
    let report = try WrittenReport.make()
    let file = try TemporaryFile()
    try report.writeMachineProfile(report.findings, to: file.path)
    var expected = report.machine
    expected.deviations = report.findings.rules.map(\.rule)
    #expect(expected.deviations.count == 1)
    #expect(try ResultFile.machineProfile(at: file.path) == expected)
    let json = try JSONValue(json: file.text())
    #expect(try ConformTests.schema("machine-profile").violations(of: json) == [])
    #expect(json["rules"]?.elements.map { $0["cases"] } == [.integer(3)])
  }

  @Test("A baseline: every machine, version and rule, by the options that write and name it")
  func baseline() throws {
    let report = try WrittenReport.make()
    let file = try TemporaryFile()
    let before = try BaselineFile.builtIn()
    let options = try BaselineOptions.parse(["--write-baseline", file.path])
    try options.write(before, report, report.findings)
    let machine = report.machine.identity
    let expected = before.adding(
      report.findings.rules.map(\.rule), of: machine,
      source: "kvmpt conform --profile access, \(report.machine.words)")
    #expect(expected != before && expected.machines.contains { !$0.rules.isEmpty })
    #expect(try BaselineFile.read(path: file.path) == expected)
    let schema = try ConformTests.schema("baseline")
    #expect(try schema.violations(of: JSONValue(json: file.text())) == [])
    // What is read is written the same again.
    let again = try TemporaryFile()
    let destination = try ReportDestination(path: again.path)
    BaselineFile.write(try BaselineFile.read(path: file.path), to: destination)
    try destination.close()
    #expect(try again.text() == file.text())
    // Without the option nothing is written.
    try BaselineOptions.parse([]).write(before, report, report.findings)
  }

  @Test("merge names its baseline, takes its rules, and writes what it found")
  func merge() throws {
    let report = try WrittenReport.make(unexplainedCount: 0)
    let file = try TemporaryFile(WrittenReport.text(report))
    let (baseline, profile) = (try TemporaryFile(), try TemporaryFile())
    let new = try ProgramRun([
      "merge", file.path, "--format", "json", "--write-baseline", baseline.path,
      "--write-profile", profile.path,
    ])
    #expect(new.exitCode == 1, "\(new.errors)")
    let first = try JSONValue(json: new.output)
    #expect(first["baseline"] == .string("built-in") && first["new"] == .integer(3))
    #expect(try ResultFile.machineProfile(at: profile.path).deviations.count == 1)
    let known = try ProgramRun([
      "merge", file.path, "--format", "json", "--baseline", baseline.path,
    ])
    // One block of many is no agreement about all.
    #expect(known.exitCode == 77, "\(known.errors)")
    let second = try JSONValue(json: known.output)
    #expect(second["baseline"] == .string(baseline.path) && second["new"] == .integer(0))
    #expect(second["explained"] == .integer(3) && second["agreement"] == .bool(true))
  }

  @Test("Counts of nothing, and rules that no case shows, are refused with their place")
  func refused() throws {
    let report = try WrittenReport.make()
    let text = try WrittenReport.text(report)
    let profile = try TemporaryFile()
    try report.writeMachineProfile(report.findings, to: profile.path)
    let profileText = try profile.text()
    func reason(_ text: String, isProfile: Bool) throws -> String {
      let file = try TemporaryFile(text)
      do throws(CommandFailure) {
        if isProfile {
          _ = try ResultFile.machineProfile(at: file.path)
        } else {
          _ = try ResultFile.conformance(at: file.path)
        }
        return ""
      } catch {
        #expect(error.status.rawValue == 65)
        return error.text.replacing(file.path, with: "FILE")
      }
    }
    func refusal(_ what: String, _ least: Int) -> String {
      "error: cannot use 'FILE': '\(what)' is missing or wrong: it is not between \(least) and 2^48"
        + "\n  hint: give a file that this version of kvmpt wrote"
    }
    #expect(try reason(text, isProfile: false) == "")
    #expect(try reason(profileText, isProfile: true) == "")
    let (three, one) = ("\"cases\": 3", "\"cases\": 1")
    #expect(
      try reason(
        profileText.replacing(three, with: "\"cases\": 0"), isProfile: true)
        == refusal("rules[0].cases", 1))
    for count in [1, 1 << 48] {
      #expect(
        try reason(
          profileText.replacing(three, with: "\"cases\": \(count)"), isProfile: true) == "")
    }
    #expect(
      try reason(
        profileText.replacing(three, with: "\"cases\": \(1 << 48 + 1)"), isProfile: true)
        == refusal("rules[0].cases", 1))
    #expect(
      try reason(
        profileText.replacing("\"contradictions\": 0", with: "\"contradictions\": -1"),
        isProfile: true) == refusal("rules[0].contradictions", 0))
    #expect(
      try reason(
        profileText.replacing("\"contradictions\": 0", with: "\"contradictions\": 1"),
        isProfile: true
      ).contains("in cases that the rule covers the machine follows the manual"))
    let differing = try #require(text.firstRange(of: "\"differing\": ["))
    let head = String(text[..<differing.lowerBound])
    let tail = String(text[differing.lowerBound...])
    #expect(
      try reason(head + tail.replacing(one, with: "\"cases\": 0"), isProfile: false)
        .contains("'differing[") == true)
    #expect(
      try reason(head.replacing(three, with: "\"cases\": 0") + tail, isProfile: false)
        == refusal("rules[0].cases", 1))
    #expect(
      try reason(text.replacing(": 5,", with: ": 0,"), isProfile: false).contains(
        "is missing or wrong: it is not between 1 and 2^48"))
    #expect(
      try reason(
        text.replacing("\"fetch-without-memory\": 2", with: "\"fetch-without-memory\": 0"),
        isProfile: false) == refusal("left-out.fetch-without-memory", 1))
    #expect(
      try reason(
        text.replacing("\"number\": 1", with: "\"number\": 0", maxReplacements: 1),
        isProfile: false) == refusal("shard.number", 1))
  }

  @Test(
    "Twenty kinds of unexplained differences are shown in full, and the others are counted",
    arguments: [0, 1, 2, 19, 20, 21, 22, 40])
  func shownDifferences(_ count: Int) throws {
    let report = try WrittenReport.make(ruledCount: 0, unexplainedCount: count)
    var text = ""
    ConformanceText(
      report: report, findings: report.findings, styler: TextStyler(isEnabled: false)
    ).write(to: &text)
    #expect(text.split(separator: "\n").count { $0.hasPrefix("differs in ") } == min(count, 20))
    for number in 1..<41 {
      #expect(text.contains("    executed  executed \(number)\n") == (number <= min(count, 20)))
    }
    let rest = text.split(separator: "\n").filter { $0.hasPrefix("... and ") }
    #expect(rest == (count > 20 ? ["... and \(count - 20) more kinds"] : []))
    #expect(text.contains("\ntime: 1.234 s; "))
    #expect(text.contains(" cases per second, ") && text.contains(" µs per case; "))
  }

  @Test("How quick nothing was is not said")
  func nothing() throws {
    let empty = ConformStatusTests.report(.none, finished: [], caseCount: 0)
    var text = ""
    ConformanceText(
      report: empty, findings: empty.findings, styler: TextStyler(isEnabled: false)
    ).write(to: &text)
    #expect(!text.contains("time:") && text.hasSuffix("\n"))
  }
}
