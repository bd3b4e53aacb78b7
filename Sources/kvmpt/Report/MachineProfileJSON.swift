// MachineProfileJSON: what a machine does, as a file that `kvmpt verify --machine-profile` reads.
// Schemas/machine-profile.schema.json describes it.

import Probe

/// Writes and names machine profiles.
enum MachineProfileJSON {
  static let schema = "urn:kvmpt:schema:machine-profile:2"

  static func write(
    _ machine: MachineProfile, _ findings: ConformanceFindings,
    to destination: ReportDestination
  ) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", schema)
    json.member("version", Version.current)
    json.key("machine")
    MachineJSON.write(machine, to: &json)
    json.key("rules")
    json.beginArray()
    for (rule, count) in findings.rules {
      json.beginObject()
      writeMembers(of: rule, to: &json)
      json.member("cases", count)
      // A rule that a case contradicts is no rule.
      json.member("contradictions", 0)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  static func writeMembers(of rule: Deviation, to json: inout JSONWriter<ReportDestination>) {
    json.member("id", rule.id)
    json.member("message", rule.message)
    json.key("when")
    json.beginObject()
    for attribute in rule.condition { json.member(attribute.name, attribute.value) }
    json.endObject()
    json.key("effect")
    json.beginObject()
    json.member("id", rule.effect.name)
    if let number = rule.effect.number { json.member("number", Int(number)) }
    json.endObject()
  }
}
