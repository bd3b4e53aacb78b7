// AuditAnswer as SARIF, which code-scanning services read.

import MMU
import Probe

extension AuditAnswer {
  /// Source: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.27.
  func writeSARIF(to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
    json.member("version", "2.1.0")
    json.key("runs")
    json.beginArray()
    json.beginObject()
    writeTool(&json)
    json.key("results")
    json.beginArray()
    for (finding, reason) in findings { write(finding, reason, to: &json) }
    json.endArray()
    writeInvocation(&json)
    json.endObject()
    json.endArray()
    json.endObject()
  }

  /// What is not among the results: findings beyond the limit, and what rules did not see.
  private func writeInvocation(_ json: inout JSONWriter<ReportDestination>) {
    let leftOut = AuditRule.allCases.compactMap { rule in
      dropped(rule).map { "\(rule.rawValue): \($0)" }
    }
    json.key("invocations")
    json.beginArray()
    json.beginObject()
    json.member("executionSuccessful", true)
    json.key("toolExecutionNotifications")
    json.beginArray()
    for text in leftOut + [unseen].compactMap({ $0 }) {
      json.beginObject()
      json.member("level", "warning")
      writeMessage("message", text, to: &json)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    json.endArray()
  }

  private func writeTool(_ json: inout JSONWriter<ReportDestination>) {
    json.key("tool")
    json.beginObject()
    json.key("driver")
    json.beginObject()
    json.member("name", "kvmpt")
    json.member("version", Version.current)
    json.key("rules")
    json.beginArray()
    for rule in AuditRule.allCases {
      json.beginObject()
      json.member("id", rule.rawValue)
      writeMessage("shortDescription", rule.title, to: &json)
      writeMessage(
        "help",
        "\(rule.title) (\(rule.source)); Documentation/audit/\(rule.rawValue).md says what to do",
        to: &json)
      json.key("defaultConfiguration")
      json.beginObject()
      json.member("level", "\(rule.severity)")
      json.endObject()
      json.endObject()
    }
    json.endArray()
    json.endObject()
    json.endObject()
  }

  private func write(
    _ finding: AuditFinding, _ reason: String?, to json: inout JSONWriter<ReportDestination>
  ) {
    json.beginObject()
    json.member("ruleId", finding.rule.rawValue)
    json.member("ruleIndex", AuditRule.allCases.firstIndex(of: finding.rule) ?? 0)
    json.member("level", "\(finding.rule.severity)")
    writeMessage("message", "\(finding.rule.title): \(Self.message(finding))", to: &json)
    json.key("locations")
    json.beginArray()
    json.beginObject()
    json.key("physicalLocation")
    json.beginObject()
    json.key("artifactLocation")
    json.beginObject()
    json.member("uri", Self.uri(path))
    json.endObject()
    json.endObject()
    json.key("logicalLocations")
    json.beginArray()
    json.beginObject()
    json.member("fullyQualifiedName", "\(HexadecimalNumber(finding.linearAddress))")
    json.endObject()
    json.endArray()
    json.endObject()
    json.endArray()
    if let reason {
      json.key("suppressions")
      json.beginArray()
      json.beginObject()
      json.member("kind", "external")
      json.member("justification", reason)
      json.endObject()
      json.endArray()
    }
    json.endObject()
  }

  private func writeMessage(
    _ key: String, _ text: String, to json: inout JSONWriter<ReportDestination>
  ) {
    json.key(key)
    json.beginObject()
    json.member("text", text)
    json.endObject()
  }

  /// A path as a URI reference.
  ///
  /// Source: RFC 3986, section 2.3 (unreserved characters).
  static func uri(_ path: String) -> String {
    var text = ""
    for byte in path.utf8 {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || [0x2d, 0x2e, 0x2f, 0x5f, 0x7e].contains(byte)
      if isPlain {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return text
  }
}
