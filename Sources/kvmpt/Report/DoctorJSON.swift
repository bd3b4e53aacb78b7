// DoctorJSON: an examination for programs. Schemas/doctor.schema.json describes it.

import KVM
import MMU
import Probe

/// Writes an examination as one JSON object.
struct DoctorJSON {
  let devicePath: String

  func write(_ examination: Examination, to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    begin(examination.problem == nil ? "ready" : "not-believable", &json)
    let identity = examination.identity
    json.key("machine")
    json.beginObject()
    json.member("name", identity.name)
    json.member("walker", identity.walker.rawValue)
    json.member("processor", identity.processorName)
    json.member("processor-vendor", examination.vendorName)
    json.member("kernel", identity.kernelRelease)
    json.member("physical-address-bits", Int(examination.physicalAddressWidth))
    json.endObject()
    json.key("features")
    json.beginArray()
    for finding in examination.features { write(finding, &json) }
    json.endArray()
    json.key("host-edits")
    json.beginArray()
    for finding in examination.hostEdits {
      json.beginObject()
      json.member("means", finding.means.rawValue)
      json.member("cpl", Int(finding.privilege.rawValue))
      json.member("seen", finding.seenCount)
      json.member("probed", finding.probeCount)
      json.member("used", finding.means == examination.usedMeans)
      json.endObject()
    }
    json.endArray()
    if let sample = examination.sample {
      json.key("conformance")
      json.beginObject()
      json.member("cases", sample.caseCount)
      json.member("agreed", sample.agreedCount)
      json.member("explained", sample.explainedCount)
      json.member("left-to-conform", sample.leftCount)
      json.member("blocks", sample.blockCount)
      json.member("finished-blocks", sample.finishedBlockCount)
      json.endObject()
    }
    json.key("deviations")
    json.beginArray()
    for deviation in examination.profile?.deviations ?? [] { write(deviation, &json) }
    json.endArray()
    json.key("sampled-deviations")
    json.beginArray()
    for rule in examination.sampleRules { write(rule, &json) }
    json.endArray()
    if let problem = examination.problem { write(problem, &json) }
    json.endObject()
  }

  private func write(_ rule: Deviation, _ json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("id", rule.id)
    json.member("message", rule.message)
    json.endObject()
  }

  /// A machine on which no guest can be made.
  func write(_ error: MachineError, to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    begin(error.meansNoMachine ? "no-kvm" : "not-believable", &json)
    write(error, &json)
    json.endObject()
  }

  private func begin(_ verdict: String, _ json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:doctor:2")
    json.member("version", Version.current)
    json.member("device", devicePath)
    json.member("verdict", verdict)
  }

  private func write(_ finding: FeatureFinding, _ json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("id", finding.feature.rawValue)
    json.member("promised", finding.isPromised)
    switch finding.outcome {
    case .works: json.member("trial", "works")
    case .refused(let reason):
      json.member("trial", "refused")
      json.member("reason", reason)
    case .differs(let reason):
      json.member("trial", "differs")
      json.member("reason", reason)
    case .unfinished:
      json.member("trial", "unfinished")
      json.member("reason", "time ran out")
    }
    if let remedy = finding.remedy { json.member("fix", remedy) }
    json.endObject()
  }

  private func write(_ error: MachineError, _ json: inout JSONWriter<ReportDestination>) {
    json.key("problem")
    json.beginObject()
    json.member("id", error.id)
    json.member("message", error.message)
    json.key("fixes")
    json.beginArray()
    for step in Remedy.steps(for: error) { json.value(step) }
    json.endArray()
    json.endObject()
  }
}
