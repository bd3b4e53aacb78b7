// BootReport, text: the end of a kernel for people.

import Boot
import MMU
import Probe

extension BootReport {
  /// So many lines of the guest's output are shown.
  private static let lineLimit = 40

  /// The report.
  func text(_ styler: TextStyler) -> String {
    var text = outputText(styler)
    let milliseconds =
      outcome.duration.components.seconds * 1000
      + outcome.duration.components.attoseconds / 1_000_000_000_000_000
    text +=
      "\(PlainText.oneLine(path)): \(styler(endWords, isSuccess ? .green : .redBold)), on "
      + "\(outcome.machine), after \(milliseconds) ms\n"
    if let change = run.change { text += "  on QEMU because \(change)\n" }
    if let relocation = run.relocation {
      text +=
        "  physical addresses are linear ones and lie outside of RAM: "
        + "\(HexadecimalNumber(relocation)) was added\n"
    }
    guard !isSuccess, outcome.end != .interrupted else { return text }
    if hasCause || postMortem.cause == .unknown {
      text += "cause: \(styler(postMortem.cause.id, .bold)): \(postMortem.cause.sentence)\n"
    }
    if let blame = postMortem.blame {
      text += "  because \(blame.sentence)\n    rule: \(blame.rule.id) (\(blame.rule.source))\n"
    }
    text += exceptionText + accessText(styler) + deliveryText(styler)
    for note in postMortem.notes { text += "  note: \(note)\n" }
    return text + registerText(styler)
  }

  private var exceptionText: String {
    var text = ""
    if let vector = postMortem.vector {
      text += "exception: \(ExceptionVector.name(vector))"
      if let code = postMortem.errorCode {
        text += " with the error code \(HexadecimalNumber(UInt64(code)))"
        if vector == 14 { text += " (\(PageFaultErrorCode(rawValue: code)))" }
      }
      text += "\n"
    }
    if let rip = postMortem.instruction {
      let bytes = Self.digits(postMortem.instructionBytes)
      text +=
        "instruction: \(place(rip)): "
        + (bytes.isEmpty ? "its bytes cannot be read" : bytes) + "\n"
    }
    return text
  }

  private func accessText(_ styler: TextStyler) -> String {
    guard let access = postMortem.access else { return "" }
    let address = access.diagnosis.question.address
    let kind = access.isKindKnown ? access.kind.label : "read or write"
    var text =
      "access: \(kind) of \(place(address)) at CPL \(access.cpl), "
      + "\(access.role.words) (\(Self.words(access.evidence)))\n"
    text += WalkText(walk: access.diagnosis.walk, styler: styler, pat: .atPowerOn).text
    // Without NXE every table with XD in it looks like none.
    if postMortem.cause != .access(access.role, .noExecuteReserved),
      let suspicion = access.diagnosis.suspicion
    {
      text += "  first because \(suspicion.sentence)\n"
    }
    for blame in access.diagnosis.explanation.blames { text += "  because \(blame.sentence)\n" }
    for (index, cure) in access.diagnosis.cures.enumerated() {
      let condition = cure.condition.map { ", \($0)" } ?? ""
      text += "  \(index == 0 ? "change" : "or")\(condition): \(cure.sentence)\n"
    }
    for look in access.diagnosis.looks { text += "  seen: \(look.sentence)\n" }
    return text
  }

  private func deliveryText(_ styler: TextStyler) -> String {
    guard !postMortem.delivery.isEmpty else { return "" }
    var text = "delivery of the exception:\n"
    for step in postMortem.delivery {
      guard let problem = step.problem else {
        text += "  can be used: \(step.sentence)\n"
        continue
      }
      text += "  \(styler("stops", .red)) at \(step.sentence): \(problem)\n"
      if let walk = step.walk {
        text += WalkText(walk: walk, styler: styler, pat: .atPowerOn).text
      }
    }
    return text
  }

  private func registerText(_ styler: TextStyler) -> String {
    guard let registers = outcome.registers else { return "" }
    let words = Self.registers(registers).map { "\($0.name) \(HexadecimalNumber($0.value))" }
    var text = "registers:\n"
    for start in stride(from: 0, to: words.count, by: 5) {
      text += "  " + words[start..<min(start + 5, words.count)].joined(separator: ", ") + "\n"
    }
    return text
  }

  private func outputText(_ styler: TextStyler) -> String {
    guard showsOutput, !outcome.output.isEmpty else { return "" }
    let lines = String(decoding: outcome.output, as: UTF8.self)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let shown = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
    var text = styler("the guest wrote:", .dim) + "\n"
    if shown.count > Self.lineLimit { text += "  … \(shown.count - Self.lineLimit) lines before\n" }
    for line in shown.suffix(Self.lineLimit) { text += "  \(PlainText.oneLine(String(line)))\n" }
    return text
  }
}
