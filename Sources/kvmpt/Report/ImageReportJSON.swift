// ImageReportJSON: the proof of an image's tables for programs.

import MMU
import Probe

/// Writes a report about an image as one JSON object.
///
/// `Schemas/verification.schema.json` describes it.
struct ImageReportJSON {
  let report: ImageReport
  let path: String
  let cr3: UInt64
  let rootLevel: Level
  /// What neither the image nor an option says.
  let assumed: [String]
  /// The file that says what was meant, or nil.
  let expected: String?

  private var proof: ProofJSON {
    ProofJSON(report: report, space: report.space, kinds: report.kinds)
  }

  func write(to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", ProofJSON.schema)
    json.member("version", Version.current)
    json.member("image", path)
    json.member("cr3", hexadecimal: cr3)
    json.member("levels", Int(rootLevel.rawValue))
    json.member(assumed: assumed)
    json.key("expected")
    if let expected { json.value(expected) } else { json.null() }
    json.key("answers")
    json.beginArray()
    for answer in answers { json.value(answer) }
    json.endArray()
    json.member("verdict", report.verdict.rawValue)
    ProofJSON.write(report.unproved, to: &json)
    ExtentText(report).write(to: &json)
    json.key("machine")
    MachineJSON.write(report.profile, to: &json)
    proof.writeMachines(&json)
    json.key("left-off")
    json.beginArray()
    for feature in report.omittedFeatures { json.value(feature.rawValue) }
    json.endArray()
    json.member("tables", report.tableCount)
    json.member(
      "memory-bytes", hexadecimal: report.memoryRanges.reduce(0) { $0 + $1.byteCount })
    json.member("memory-ranges", report.memoryRanges.count)
    json.member("shared-bytes", hexadecimal: report.sharedByteCount)
    DeadEndText.write(report.deadEnds, to: &json)
    ProofJSON.writeCounts(report.total, to: &json)
    writeKinds(&json)
    writeMappings(&json)
    proof.writeExpectations(&json)
    proof.writeDisagreements(&json)
    proof.writeTimes(&json)
    json.endObject()
  }

  /// The answers that were compared.
  private var answers: [String] {
    (expected == nil ? [] : ["asked"]) + ["modelled"]
      + (report.total.executedCount == 0 ? [] : ["executed"])
  }

  private func writeKinds(_ json: inout JSONWriter<ReportDestination>) {
    json.key("pages")
    json.beginArray()
    for (index, kind) in report.kinds.enumerated() {
      json.beginObject()
      if let size = kind.pageSize {
        json.member("page", size.label)
        json.member("rights", kind.rights)
        json.member("memory", kind.hasMemory)
      } else {
        json.member("links", true)
      }
      json.member("count", Int(clamping: report.leafCounts[index]))
      write(.kind(index), to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("gaps")
    json.beginObject()
    proof.writeCounts(of: .gap(nearMapping: -1), to: &json)
    json.endObject()
  }

  /// What was asked for and is not mapped.
  private func writeMappings(_ json: inout JSONWriter<ReportDestination>) {
    json.key("unmapped")
    json.beginArray()
    for (index, mapping) in report.space.mappings.enumerated() {
      guard report.tallies[.mapping(index)] != nil else { continue }
      json.beginObject()
      json.member("name", mapping.name)
      json.member("linear", hexadecimal: mapping.linearAddress.rawValue)
      json.member("size", hexadecimal: mapping.byteCount)
      write(.mapping(index), to: &json)
      json.endObject()
    }
    json.endArray()
  }

  private func write(
    _ subject: ProbeSubject, to json: inout JSONWriter<ReportDestination>
  ) {
    let tally = report.tallies[subject] ?? SubjectTally()
    json.member("asked", RightsText.text(tally.asked))
    json.member("modelled", RightsText.text(tally.modelled))
    json.member("executed", RightsText.text(tally.executed))
    proof.writeCounts(of: subject, to: &json)
  }
}
