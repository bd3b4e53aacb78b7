// AllowList: findings of an audit that somebody accepts, each with a reason.

import Inspection
import MMU

/// Lines of `RULE RANGE REASON`; `*` is every address, `#` starts a comment line.
struct AllowList: Sendable {
  struct Line: Sendable {
    let rule: AuditRule
    let first: UInt64
    let last: UInt64
    let reason: String
  }

  private(set) var lines: [Line] = []

  init() {}

  /// Reads the file at `path`.
  init(path: String) throws(CommandFailure) {
    let bytes: [UInt8]
    do throws(InputFileError) {
      bytes = try InputFile.allBytes(of: path, byteLimit: 1 << 20)
    } catch {
      throw CommandFailure(error)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      let place = "\(path):\(index + 1)"
      guard let rule = AuditRule(rawValue: String(first)) else {
        let near = nearestWord(to: String(first), among: AuditRule.allCases.map(\.rawValue))
        throw CommandFailure(
          .badInput, "\(place): \(quoted(String(first))) is not a rule",
          hint: near.map { "did you mean \(quoted($0))?" } ?? "kvmpt audit --help lists the rules")
      }
      guard words.count == 3, let range = Self.range(words[1]) else {
        throw CommandFailure(
          .badInput, "\(place): the line is not RULE RANGE REASON",
          hint: "write \(first) 0x1000-0x1fff, or *, and why it is accepted")
      }
      lines.append(Line(rule: rule, first: range.0, last: range.1, reason: String(words[2])))
    }
  }

  private static func range(_ text: Substring) -> (UInt64, UInt64)? {
    if text == "*" { return (0, .max) }
    guard case .range(let first, let last)? = FilterWord("range:\(text)") else { return nil }
    return (first, last)
  }

  /// Why a finding is accepted, or nil when it is not.
  func reason(for finding: AuditFinding) -> String? {
    lines.first {
      $0.rule == finding.rule && $0.first <= finding.linearAddress
        && finding.lastAddress <= $0.last
    }?.reason
  }
}
