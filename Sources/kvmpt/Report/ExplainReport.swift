// ExplainReport: an explanation as text and as JSON.

import MMU
import Probe

/// Why an access fails, compared with the fault that was reported where there is one.
struct ExplainReport {
  let walk: Walk
  let access: Access
  let privilege: PrivilegeLevel
  let reported: PageFaultErrorCode?
  let explanation: Explanation

  /// The predicted error code equals the reported one.
  var isAsReported: Bool {
    if case .pageFault(let code) = explanation.prediction.outcome { return code == reported }
    return false
  }

  /// The access succeeds, or the fault that was reported is the one that the tables give.
  var isAsHoped: Bool {
    reported == nil ? explanation.blames.isEmpty : isAsReported
  }

  func text(_ styler: TextStyler) -> String {
    var text = "\n\(access.kind.label) at CPL \(privilege.rawValue): "
    text +=
      styler(
        explanation.prediction.outcome.words, explanation.blames.isEmpty ? .green : .redBold) + "\n"
    for (blame, advice) in zip(explanation.blames, explanation.advice) {
      text += "  because \(blame.sentence)\n    rule: \(blame.rule.id)"
      text += " (\(blame.rule.source))\n    change: \(advice)\n"
    }
    if let reported {
      text +=
        isAsReported
        ? "  the reported error code \(reported.words) is the one that these tables give\n"
        : "  the reported error code \(reported.words) is not what these tables give: they have"
          + " changed since, or the TLB held an older translation\n"
    }
    return text
  }

  /// The members of an object that is open.
  func write(to json: inout JSONWriter<ReportDestination>, _ walkText: WalkText) {
    json.member("access", access.kind.label)
    json.member("cpl", Int(privilege.rawValue))
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
    if let reported {
      json.member("reported-error-code", hexadecimal: UInt64(reported.rawValue))
      json.member("as-reported", isAsReported)
    }
    json.key("blames")
    json.beginArray()
    for (blame, advice) in zip(explanation.blames, explanation.advice) {
      json.beginObject()
      json.member("rule", blame.rule.id)
      json.member("source", blame.rule.source)
      if let step = blame.step {
        json.member("level", Int(step.level.rawValue))
        json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
        json.member("bits", hexadecimal: blame.bits)
      }
      json.member("sentence", blame.sentence)
      json.member("advice", advice)
      json.endObject()
    }
    json.endArray()
    json.key("walk")
    json.beginObject()
    walkText.write(to: &json)
    json.endObject()
  }
}
