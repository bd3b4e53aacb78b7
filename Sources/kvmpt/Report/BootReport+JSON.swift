// BootReport, JSON: the end of a kernel for programs. Schemas/boot.schema.json describes it.

import Boot
import MMU
import Probe

extension BootReport {
  /// Writes the report as one JSON object.
  func write(to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:boot:1")
    json.member("version", Version.current)
    json.member("kernel", path)
    json.member("machine", outcome.machine)
    if let change = run.change { json.member("machine-because", change) }
    json.member("end", outcome.end.id)
    if case .guestExit(let byte) = outcome.end { json.member("guest-exit", Int(byte)) }
    json.member("success", isSuccess)
    json.key("milliseconds")
    json.milliseconds(outcome.duration)
    json.key("cause")
    json.beginObject()
    json.member("id", postMortem.cause.id)
    json.member("sentence", postMortem.cause.sentence)
    json.endObject()
    if let blame = postMortem.blame {
      json.key("blame")
      Self.write(blame, to: &json)
    }
    writeException(to: &json)
    writeAccess(to: &json)
    writeDelivery(to: &json)
    json.key("notes")
    json.beginArray()
    for note in postMortem.notes { json.value(note) }
    json.endArray()
    if let registers = outcome.registers {
      json.key("registers")
      json.beginObject()
      for (name, value) in Self.registers(registers) { json.member(name, hexadecimal: value) }
      json.endObject()
    }
    json.member("output", String(decoding: outcome.output, as: UTF8.self))
    json.endObject()
  }

  private static func write(_ blame: Blame, to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("rule", blame.rule.id)
    json.member("source", blame.rule.source)
    if let step = blame.step {
      json.member("level", Int(step.level.rawValue))
      json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
      json.member("bits", hexadecimal: blame.bits)
    }
    json.member("sentence", blame.sentence)
    json.endObject()
  }

  private func writeException(to json: inout JSONWriter<ReportDestination>) {
    if let vector = postMortem.vector {
      json.key("exception")
      json.beginObject()
      json.member("vector", Int(vector))
      json.member("name", ExceptionVector.name(vector))
      if let code = postMortem.errorCode { json.member("error-code", hexadecimal: UInt64(code)) }
      json.endObject()
    }
    guard let rip = postMortem.instruction else { return }
    json.key("instruction")
    json.beginObject()
    json.member("address", hexadecimal: rip)
    if let symbol = run.symbols[rip] { json.member("symbol", symbol.description) }
    json.member("bytes", Self.digits(postMortem.instructionBytes))
    json.endObject()
  }

  private func writeAccess(to json: inout JSONWriter<ReportDestination>) {
    guard let access = postMortem.access else { return }
    json.key("access")
    json.beginObject()
    json.member("address", hexadecimal: access.diagnosis.question.address)
    json.member("kind", access.kind.label)
    json.member("kind-known", access.isKindKnown)
    json.member("cpl", Int(access.cpl))
    json.member("role", access.role.rawValue)
    json.member("evidence", access.evidence.rawValue)
    json.key("blames")
    json.beginArray()
    for blame in access.diagnosis.explanation.blames { Self.write(blame, to: &json) }
    json.endArray()
    json.key("cures")
    json.beginArray()
    for cure in access.diagnosis.cures { json.value(cure.sentence) }
    json.endArray()
    json.key("seen")
    json.beginArray()
    for look in access.diagnosis.looks { json.value(look.sentence) }
    json.endArray()
    json.key("walk")
    Self.write(access.diagnosis.walk, to: &json)
    json.endObject()
  }

  private static func write(_ walk: Walk, to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    WalkText(walk: walk, styler: TextStyler(isEnabled: false), pat: .atPowerOn).write(to: &json)
    json.endObject()
  }

  private func writeDelivery(to json: inout JSONWriter<ReportDestination>) {
    json.key("delivery")
    json.beginArray()
    for step in postMortem.delivery {
      json.beginObject()
      json.member("step", step.sentence)
      if let problem = step.problem { json.member("problem", problem) }
      if let cause = step.cause { json.member("cause", cause.id) }
      if let walk = step.walk {
        json.key("walk")
        Self.write(walk, to: &json)
      }
      json.endObject()
    }
    json.endArray()
  }
}
