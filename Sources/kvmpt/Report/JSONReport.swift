// JSONReport: a verification for programs. Schemas/verification.schema.json describes it.

import GuestMem
import KVM
import MMU
import Probe

/// Writes a report as one JSON object.
struct JSONReport {
  let report: VerificationReport
  let file: AddressSpaceFile

  func write(to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:verification:1")
    json.member("version", Version.current)
    json.member("file", file.path)
    json.member("name", report.space.name)
    json.member("verdict", verdict)
    json.key("machine")
    MachineJSON.write(report.profile, to: &json)
    writeBuilt(&json)
    writeCounts(report.total, to: &json)
    writeMappings(&json)
    writeExpectations(&json)
    writeDisagreements(&json)
    writeTimes(&json)
    json.endObject()
  }

  private var verdict: String {
    if !report.isAgreement { return "disagreement" }
    if report.reasonForUnfinishedProbes != nil { return "unfinished" }
    return report.total.agreementCount > 0 ? "agreement" : "not-executed"
  }

  private func writeBuilt(_ json: inout JSONWriter<ReportDestination>) {
    json.key("built")
    json.beginObject()
    json.member("levels", Int(report.space.rootLevel.rawValue))
    json.member("memory-bytes", hexadecimal: report.space.memoryByteCount)
    json.member("tables", report.statistics.tableCount)
    json.key("leaves")
    json.beginObject()
    for size in PageSize.allCases {
      json.member(size.label, report.statistics.leafCounts[size] ?? 0)
    }
    json.endObject()
    json.endObject()
  }

  private func writeCounts(_ tally: SubjectTally, to json: inout JSONWriter<ReportDestination>) {
    json.key("probes")
    json.beginObject()
    json.member("planned", tally.probeCount)
    json.member("executed", tally.executedCount)
    json.member("agreeing", tally.agreementCount)
    json.member("disagreeing", tally.disagreementCount)
    json.member("lost", tally.lostCount)
    json.key("not-run")
    json.beginObject()
    for reason in NotRunReason.allCases {
      if let count = tally.notRun[reason] { json.member(reason.rawValue, count) }
    }
    json.endObject()
    json.key("deviations")
    json.beginObject()
    for (deviation, count) in tally.deviations.sorted(by: { $0.key.id < $1.key.id }) {
      json.member(deviation.id, count)
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
      writeCounts(tally, to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("gaps")
    json.beginObject()
    writeCounts(report.tallies[.gap(nearMapping: -1)] ?? SubjectTally(), to: &json)
    json.endObject()
  }

  private func writeExpectations(_ json: inout JSONWriter<ReportDestination>) {
    json.key("expectations")
    json.beginArray()
    for (index, expectation) in report.space.expectations.enumerated() {
      json.beginObject()
      json.member("address", hexadecimal: expectation.linearAddress)
      json.member("access", expectation.access.label)
      json.member("cpl", Int(expectation.privilege.rawValue))
      json.member("expected", expectation.outcome.words)
      let tally = report.tallies[.expectation(index)] ?? SubjectTally()
      if let address = tally.probedAddress { json.member("probed-address", hexadecimal: address) }
      writeCounts(tally, to: &json)
      json.endObject()
    }
    json.endArray()
  }

  private func writeDisagreements(_ json: inout JSONWriter<ReportDestination>) {
    json.key("disagreements")
    json.beginArray()
    for disagreement in report.disagreements {
      writeVerdict(disagreement.verdict, to: &json) { json in
        json.key("walk")
        json.beginArray()
        for step in disagreement.steps { Self.write(step, to: &json) }
        json.endArray()
        if let blame = disagreement.blame {
          json.key("blame")
          json.beginObject()
          json.member("rule", blame.rule.id)
          json.member("source", blame.rule.source)
          json.member("sentence", blame.sentence)
          if let level = blame.level { json.member("level", Int(level.rawValue)) }
          json.member("bits", hexadecimal: blame.bits)
          json.endObject()
        }
        json.member("advice", disagreement.advice)
      }
    }
    json.endArray()
    json.key("lost")
    json.beginArray()
    for verdict in report.lost { writeVerdict(verdict, to: &json) { _ in } }
    json.endArray()
    json.key("wrong-flags")
    json.beginArray()
    for flags in report.flagDisagreements {
      json.beginObject()
      json.member("entry-address", hexadecimal: flags.entryAddress)
      if let level = flags.level { json.member("level", Int(level.rawValue)) }
      json.member("access", flags.manner.kind.label)
      json.member("cpl", Int(flags.manner.privilege.rawValue))
      json.member("before", hexadecimal: flags.before)
      json.member("after", hexadecimal: flags.after)
      json.member("must-set", hexadecimal: flags.mustSet)
      json.member("may-set", hexadecimal: flags.maySet)
      json.member("message", flags.message)
      json.endObject()
    }
    json.endArray()
    json.key("wrong-attributes")
    json.beginArray()
    for attribute in report.attributeDisagreements {
      json.beginObject()
      json.member("mapping", report.space.mappings[attribute.mapping].name)
      json.member("address", hexadecimal: attribute.linearAddress)
      json.member("level", Int(attribute.step.level.rawValue))
      json.member("entry-address", hexadecimal: attribute.step.entryAddress.rawValue)
      json.member("entry", hexadecimal: attribute.step.entry.rawValue)
      json.member("bits", hexadecimal: attribute.bits)
      json.member("message", attribute.message)
      json.endObject()
    }
    json.endArray()
  }

  private func writeVerdict(
    _ verdict: ProbeVerdict, to json: inout JSONWriter<ReportDestination>,
    more: (inout JSONWriter<ReportDestination>) -> Void
  ) {
    json.beginObject()
    json.member("address", hexadecimal: verdict.askedAddress)
    json.member("probed-address", hexadecimal: verdict.address)
    json.member("access", verdict.manner.kind.label)
    json.member("cpl", Int(verdict.manner.privilege.rawValue))
    json.member("subject", verdict.page.subject.words(in: report.space))
    json.key("pairs")
    json.beginArray()
    for id in verdict.disagreements.ids { json.value(id) }
    json.endArray()
    json.member("asked", verdict.asked.words)
    json.member("modelled", verdict.modelled.words)
    json.member("executed", verdict.executed.words)
    more(&json)
    json.endObject()
  }

  private static func write(_ step: WalkStep, to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("level", Int(step.level.rawValue))
    json.member("index", step.index)
    json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
    json.member("entry", hexadecimal: step.entry.rawValue)
    json.endObject()
  }

  private func writeTimes(_ json: inout JSONWriter<ReportDestination>) {
    json.key("milliseconds")
    json.beginObject()
    json.key("total")
    json.milliseconds(report.times.total)
    json.key("calibration")
    json.milliseconds(report.times.calibration)
    json.key("execution")
    json.milliseconds(report.times.execution)
    json.key("guest")
    json.milliseconds(report.times.guest)
    json.endObject()
    json.member("probes-per-second", Int(report.probesPerSecond))
  }
}

/// A machine as JSON.
enum MachineJSON {
  static func write(
    _ profile: MachineProfile?, to json: inout JSONWriter<ReportDestination>
  ) {
    guard let profile else {
      json.null()
      return
    }
    json.beginObject()
    json.member("name", profile.identity.name)
    json.member("walker", profile.identity.walker.rawValue)
    json.member("processor", profile.identity.processorName)
    json.member("kernel", profile.identity.kernelRelease)
    json.member("vendor", profile.vendor == .amd ? "amd" : "intel")
    json.member("physical-address-bits", Int(profile.physicalAddressWidth))
    json.key("features")
    json.beginArray()
    for feature in MachineFeature.allCases where profile.features.contains(feature) {
      json.value(feature.rawValue)
    }
    json.endArray()
    json.key("deviations")
    json.beginArray()
    for deviation in profile.deviations {
      json.beginObject()
      json.member("id", deviation.id)
      json.member("message", deviation.message)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
