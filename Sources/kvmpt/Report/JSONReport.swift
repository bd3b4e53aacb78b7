// JSONReport: a verification for programs. Schemas/verification.schema.json describes it.

import GuestMem
import MMU
import Probe

/// Writes a report as one JSON object.
struct JSONReport {
  let report: VerificationReport
  let file: AddressSpaceFile

  private var proof: ProofJSON { ProofJSON(report: report, space: report.space) }

  func write(to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", ProofJSON.schema)
    json.member("version", Version.current)
    json.member("file", file.path)
    json.member("name", report.space.name)
    json.member("verdict", report.verdict.rawValue)
    ProofJSON.write(report.unproved, to: &json)
    ExtentText(report).write(to: &json)
    json.key("machine")
    MachineJSON.write(report.profile, to: &json)
    proof.writeMachines(&json)
    writeBuilt(&json)
    ProofJSON.writeCounts(report.total, to: &json)
    writeMappings(&json)
    proof.writeExpectations(&json)
    proof.writeDisagreements(&json)
    proof.writeTimes(&json)
    json.endObject()
  }

  private func writeBuilt(_ json: inout JSONWriter<ReportDestination>) {
    json.key("built")
    json.beginObject()
    json.member("levels", Int(report.space.rootLevel.rawValue))
    json.member("memory-bytes", hexadecimal: report.space.memoryByteCount)
    json.member("memory-ranges", report.space.memory.count)
    json.member("tables", report.statistics.tableCount)
    json.key("leaves")
    json.beginObject()
    for size in PageSize.allCases {
      json.member(size.label, report.statistics.leafCounts[size] ?? 0)
    }
    json.endObject()
    json.endObject()
  }

  private func writeMappings(_ json: inout JSONWriter<ReportDestination>) {
    json.key("mappings")
    json.beginArray()
    for (index, mapping) in report.space.mappings.enumerated() {
      let tally = report.tallies[.mapping(index)] ?? SubjectTally()
      json.beginObject()
      json.member("name", mapping.name)
      json.member("linear", hexadecimal: mapping.linearAddress.rawValue)
      json.member("size", hexadecimal: mapping.byteCount)
      if !mapping.properties.rights.isEmpty {
        json.member("physical", hexadecimal: report.placements[index])
      }
      json.member("pages", report.pageCounts[index] ?? 0)
      json.member("asked", RightsText.text(tally.asked))
      json.member("modelled", RightsText.text(tally.modelled))
      json.member("executed", RightsText.text(tally.executed))
      proof.writeCounts(of: .mapping(index), to: &json)
      json.endObject()
    }
    json.endArray()
    writeRecursiveSlot(&json)
    if report.tallies[.unasked] != nil {
      json.key("unasked")
      json.beginObject()
      proof.writeCounts(of: .unasked, to: &json)
      json.endObject()
    }
    json.key("gaps")
    json.beginObject()
    proof.writeCounts(of: .gap(nearMapping: -1), to: &json)
    json.endObject()
  }

  private func writeRecursiveSlot(_ json: inout JSONWriter<ReportDestination>) {
    guard let slot = report.space.recursiveSlot else { return }
    let range = slot.addresses(rootLevel: report.space.rootLevel)
    let tally = report.tallies[.recursiveSlot] ?? SubjectTally()
    json.key("recursive-slot")
    json.beginObject()
    json.member("index", slot.index)
    json.member("rights", slot.rights.letters)
    json.member("linear", hexadecimal: range.lowerBound)
    json.member("last", hexadecimal: range.upperBound)
    json.member("pages", report.recursivePageCount)
    json.member("asked", RightsText.text(tally.asked))
    json.member("modelled", RightsText.text(tally.modelled))
    json.member("executed", RightsText.text(tally.executed))
    proof.writeCounts(of: .recursiveSlot, to: &json)
    json.endObject()
  }
}
