// ConformanceJSON: a comparison of a machine with the manual, for programs with every block by itself.

import MMU
import Probe

/// Writes a conformance report as one JSON object.
enum ConformanceJSON {
  static func write(_ report: ConformanceReport, to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:conformance:1")
    json.member("version", Version.current)
    json.member("profile", report.profile.rawValue)
    json.key("shard")
    json.beginObject()
    json.member("number", report.shard.number)
    json.member("count", report.shard.count)
    json.endObject()
    json.member("complete", report.isComplete)
    json.member("agreement", report.isAgreement)
    json.key("machine")
    MachineJSON.write(report.machine, to: &json)
    json.member("blocks", report.blockCount)
    json.key("finished-blocks")
    json.beginArray()
    for (index, tally) in report.blocks.sorted(by: { $0.key < $1.key }) {
      json.beginObject()
      json.member("block", index)
      write(tally, to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("total")
    json.beginObject()
    write(report.total, to: &json)
    json.endObject()
    json.key("not-run")
    json.beginObject()
    for (reason, count) in report.notRun.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      json.member(reason.rawValue, count)
    }
    json.endObject()
    json.key("milliseconds")
    json.milliseconds(report.time)
    json.endObject()
  }

  private static func write(
    _ tally: ConformanceTally, to json: inout JSONWriter<ReportDestination>
  ) {
    json.member("cases", tally.caseCount)
    json.member("agreed", tally.agreedCount)
    json.key("deviations")
    json.beginArray()
    for (deviation, count) in tally.deviations.sorted(by: { $0.key.message < $1.key.message }) {
      json.beginObject()
      json.member("id", deviation.id)
      json.member("message", deviation.message)
      json.member("cases", count)
      json.endObject()
    }
    json.endArray()
    json.key("guest-milliseconds")
    json.milliseconds(tally.guestTime)
    json.member("mismatched", tally.mismatchCount)
    json.key("mismatches")
    json.beginArray()
    for mismatch in tally.mismatches {
      json.beginObject()
      json.member("matrix", mismatch.matrix)
      json.member("block", mismatch.block)
      json.member("mode", mismatch.mode)
      json.member("address", hexadecimal: mismatch.address)
      json.member("upper-level", Int(mismatch.upperLevel.rawValue))
      json.member("upper-entry", hexadecimal: mismatch.upperEntry)
      json.member("lower-entry", hexadecimal: mismatch.lowerEntry)
      json.member("modelled", mismatch.modelled.words)
      json.member("executed", mismatch.executed.words)
      if let flags = mismatch.flags { json.member("flags", flags) }
      json.endObject()
    }
    json.endArray()
  }
}
