// ExplainReport: an explanation as text and as JSON.

import GuestMem
import Inspection
import MMU
import Probe

/// Why an access fails, compared with the fault that was reported where there is one.
struct ExplainReport {
  let asked: AskedAccess
  let reported: PageFaultErrorCode?
  let fault: ReportedFault?
  let diagnosis: Diagnosis
  /// What was meant, where somebody says it.
  let expected: ExpectedText?

  /// Those that make the tables what was meant, where that is known.
  private var cures: [Cure] { expected?.access.cures ?? diagnosis.cures }

  private var explanation: Explanation { diagnosis.explanation }

  /// The outcome with the physical address of the byte.
  private var outcomeWords: String {
    let outcome = explanation.prediction.outcome
    guard case .success(let address) = outcome else { return outcome.words }
    return "success at physical \(HexadecimalNumber(address.rawValue))"
  }

  /// The access succeeds, or the fault that was reported is explained.
  var isAsHoped: Bool {
    switch fault {
    case nil: explanation.blames.isEmpty
    case .fits, .fitsWithoutPresent, .fitsIf: true
    case .notPaging, .doesNotFit: false
    }
  }

  func text(_ styler: TextStyler, in memory: borrowing MemoryImage) -> String {
    var text = "\n\(asked.access.kind.label) at CPL \(asked.privilege.rawValue): "
    text += styler(outcomeWords, explanation.blames.isEmpty ? .green : .redBold) + "\n"
    if asked.isKindGuessed {
      text +=
        "  what was done is not known: \(asked.access.kind.label) is the first that "
        + (explanation.blames.isEmpty ? "was tried" : "fails of read, write and fetch") + "\n"
    }
    if let reported, let fault {
      for line in FaultText(reported: reported, fault: fault, diagnosis: diagnosis).lines(
        in: memory)
      {
        text += "  \(line)\n"
      }
    }
    if let suspicion = diagnosis.suspicion { text += "  first because \(suspicion.sentence)\n" }
    for blame in explanation.blames {
      text += "  because \(blame.sentence)\n    rule: \(blame.rule.id) (\(blame.rule.source))\n"
    }
    if let expected { text += "  \(expected.sentence)\n" }
    for (index, cure) in cures.enumerated() {
      let condition = expected == nil ? cure.condition : nil
      text += "  \(index == 0 ? "change" : "or")\(condition.map { ", \($0)" } ?? ""): "
      text += "\(cure.sentence)\n    \(cure.result)\n"
    }
    for look in diagnosis.looks { text += "  seen: \(look.sentence)\n" }
    if expected == nil && cures.contains(where: { !$0.changes.isEmpty }) {
      text += "  what the tables were meant to say is not known: --expect FILE says it\n"
    }
    return text
  }

  /// The members of an object that is open.
  func write(to json: inout JSONWriter<ReportDestination>, _ walkText: WalkText) {
    json.member("access", asked.access.kind.label)
    json.member("cpl", Int(asked.privilege.rawValue))
    switch explanation.prediction.outcome {
    case .success(let address):
      json.member("outcome", "success")
      json.member("physical", hexadecimal: address.rawValue)
    case .pageFault(let code):
      json.member("outcome", "page-fault")
      json.member("error-code", hexadecimal: UInt64(code.rawValue))
    case .generalProtection: json.member("outcome", "general-protection")
    case .stackFault: json.member("outcome", "stack-fault")
    }
    if let reported, let fault {
      json.member("reported-error-code", hexadecimal: UInt64(reported.rawValue))
      json.member("as-reported", fault == .fits || fault == .fitsWithoutPresent)
      json.member("reported", FaultText.id(fault))
      if case .fitsIf(let assumptions) = fault {
        json.key("fits-if")
        json.beginArray()
        for assumption in assumptions { json.value(assumption.option) }
        json.endArray()
      }
    }
    if let suspicion = diagnosis.suspicion { json.member("suspicion", suspicion.sentence) }
    if let expected { json.member("expected", expected.sentence) }
    writeBlames(to: &json)
    writeCures(to: &json)
    json.key("seen")
    json.beginArray()
    for look in diagnosis.looks {
      json.beginObject()
      json.member("id", look.id)
      json.member("sentence", look.sentence)
      json.endObject()
    }
    json.endArray()
    json.key("walk")
    json.beginObject()
    walkText.write(to: &json)
    json.endObject()
  }

  private func writeBlames(to json: inout JSONWriter<ReportDestination>) {
    json.key("blames")
    json.beginArray()
    for blame in explanation.blames {
      json.beginObject()
      json.member("rule", blame.rule.id)
      json.member("source", blame.rule.source)
      if let step = blame.step {
        json.member("level", Int(step.level.rawValue))
        json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
        json.member("bits", hexadecimal: blame.bits)
      }
      json.member("sentence", blame.sentence)
      json.member("advice", diagnosis.advice)
      json.endObject()
    }
    json.endArray()
  }

  private func writeCures(to json: inout JSONWriter<ReportDestination>) {
    json.key("cures")
    json.beginArray()
    for cure in cures {
      json.beginObject()
      json.member("sentence", cure.sentence)
      json.key("changes")
      json.beginArray()
      for change in cure.changes {
        json.beginObject()
        json.member("entry-address", hexadecimal: change.step.entryAddress.rawValue)
        json.member("from", hexadecimal: change.step.entry.rawValue)
        json.member("to", hexadecimal: change.newValue)
        json.endObject()
      }
      json.endArray()
      if let address = cure.physicalAddress {
        json.member("physical", hexadecimal: address.rawValue)
      }
      json.member("page-confirmed", cure.isPageConfirmed)
      json.member("opened-pages", Int(clamping: cure.openedPageCount))
      json.endObject()
    }
    json.endArray()
  }
}
