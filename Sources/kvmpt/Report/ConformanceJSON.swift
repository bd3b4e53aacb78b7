// ConformanceJSON: a comparison of a machine with the manual, for programs and for `kvmpt merge`.
// Schemas/conformance.schema.json describes it.

import MMU
import Probe

/// Writes a conformance report as one JSON object.
enum ConformanceJSON {
  static let schema = "urn:kvmpt:schema:conformance:2"

  static func write(
    _ report: ConformanceReport, _ findings: ConformanceFindings, baseline: String = "built-in",
    to destination: ReportDestination
  ) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", schema)
    json.member("version", Version.current)
    json.member("profile", report.profile.rawValue)
    json.key("shard")
    json.beginObject()
    json.member("number", report.shard.number)
    json.member("count", report.shard.count)
    json.endObject()
    json.member("complete", report.isComplete)
    json.member("agreement", findings.isExpected)
    json.member("verdict", ConformanceVerdict(report, findings).rawValue)
    json.member("baseline", baseline)
    json.key("machine")
    MachineJSON.write(report.machine, to: &json)
    json.member("profile-blocks", report.profileBlockCount)
    json.member("blocks", report.blockCount)
    json.member("finished-blocks", ranges(of: report.finished))
    write(report, findings, &json)
    json.endObject()
  }

  private static func write(
    _ report: ConformanceReport, _ findings: ConformanceFindings,
    _ json: inout JSONWriter<ReportDestination>
  ) {
    json.member("cases", report.total.caseCount)
    json.member("agreed", report.total.agreedCount)
    json.member("explained", findings.explainedCount)
    json.member("new", findings.newCount)
    json.member("unexplained", findings.unexplainedCount)
    json.key("rules")
    json.beginArray()
    for (rule, count) in findings.rules {
      json.beginObject()
      MachineProfileJSON.writeMembers(of: rule, to: &json)
      json.member("cases", count)
      json.member("expected", !findings.newRules.contains { $0.rule == rule })
      json.endObject()
    }
    json.endArray()
    json.key("unseen-rules")
    json.beginArray()
    for rule in findings.unseen { json.value(rule.id) }
    json.endArray()
    json.key("refuted-rules")
    json.beginArray()
    for (rule, count) in findings.refuted {
      json.beginObject()
      json.member("id", rule.id)
      json.member("cases", count)
      json.endObject()
    }
    json.endArray()
    write("not-run", report.notRun, &json)
    write("left-out", report.total.notRun, &json)
    json.key("milliseconds")
    json.milliseconds(report.time)
    json.key("guest-milliseconds")
    json.milliseconds(report.total.guestTime)
    json.key("agreeing")
    json.beginObject()
    for (text, count) in report.evidence.agreed.map({ ($0.key.text, $0.value) }).sorted(by: <) {
      json.member(text, count)
    }
    json.endObject()
    json.key("differing")
    json.beginArray()
    let differing = report.evidence.differences.map {
      (key: $0.key.key.text, response: $0.key.response.text, record: $0.value)
    }
    for difference in differing.sorted(by: { ($0.key, $0.response) < ($1.key, $1.response) }) {
      json.beginObject()
      json.member("case", difference.key)
      json.member("response", difference.response)
      json.member("cases", difference.record.count)
      json.key("example")
      write(difference.record.example, &json)
      json.endObject()
    }
    json.endArray()
  }

  private static func write(
    _ name: String, _ counts: [NotRunReason: Int], _ json: inout JSONWriter<ReportDestination>
  ) {
    json.key(name)
    json.beginObject()
    for (reason, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      json.member(reason.rawValue, count)
    }
    json.endObject()
  }

  private static func write(
    _ example: ConformanceMismatch, _ json: inout JSONWriter<ReportDestination>
  ) {
    json.beginObject()
    json.member("matrix", example.matrix)
    json.member("block", example.block)
    json.member("mode", example.mode)
    json.member("address", hexadecimal: example.address)
    json.key("entries")
    json.beginArray()
    for entry in example.entries {
      json.beginObject()
      json.member("level", Int(entry.level.rawValue))
      json.member("word", hexadecimal: entry.rawValue)
      json.endObject()
    }
    json.endArray()
    json.member("modelled", example.modelled)
    json.member("executed", example.executed)
    if let flags = example.flags { json.member("flags", flags) }
    json.endObject()
  }

  /// Such as `0-95,97`.
  static func ranges(of numbers: Set<Int>) -> String {
    var parts: [String] = []
    var run: ClosedRange<Int>?
    func close() {
      if let run {
        parts.append(run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)")
      }
    }
    for number in numbers.sorted() {
      if let current = run, current.upperBound + 1 == number {
        run = current.lowerBound...number
      } else {
        close()
        run = number...number
      }
    }
    close()
    return parts.joined(separator: ",")
  }
}
