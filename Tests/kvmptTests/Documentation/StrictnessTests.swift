// The strictness table of Documentation/reports.md, held against a report for each of its rows.

import Foundation
import Probe
import TestHosts
import Testing

@testable import kvmpt

@Suite(
  "Each reason why something is unproved is said in every format, as the table says",
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct StrictnessTests {
  /// A row: what text, JSON, JUnit and TAP say, and the exit code.
  struct Row {
    let id: String
    let text: String
    let json: String
    let junit: String
    let tap: String
    let code: Int32
  }

  /// The rows of the table, from the file.
  static func rows() throws -> [Row] {
    let text = try DocumentationTests.text("Documentation/reports.md")
    let section = text.split(separator: "\n## ").first { $0.hasPrefix("What is unproved") } ?? ""
    return section.matches(
      of:
        /\| `(?<id>[a-z0-9-]+)` \| (?<text>[^|]+) \| `(?<json>[a-z]+)` \| `(?<junit>[a-z]+)` \| `(?<tap>[^|`]+)` \| (?<code>\d+) \|/
    ).map { match in
      Row(
        id: String(match.id), text: String(match.text), json: String(match.json),
        junit: String(match.junit), tap: String(match.tap), code: Int32(match.code) ?? -1)
    }
  }

  @Test("The table has a row for each reason, and no other")
  func complete() throws {
    #expect(try Self.rows().map(\.id) == UnprovedReason.allCases.map(\.id))
  }

  @Test("What each row says is so", arguments: UnprovedReason.allCases)
  func row(_ reason: UnprovedReason) throws {
    let row = try #require(try Self.rows().first { $0.id == reason.id })
    let proved = try StrictnessCases().report(reason)
    let report = proved.report
    #expect(report.unproved.contains { $0.reason == reason }, "\(report.unproved)")
    #expect(!report.hasDisagreement, "\(report.disagreements.prefix(2))")
    #expect(!report.isAgreement)

    let text = try proved.text(.text)
    let summary = text.components(separatedBy: "\n\n").last ?? ""
    #expect(summary.hasPrefix("\(row.text): "), "\(summary)")
    let lines = summary.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("unproved: ") && $0.contains("[\(row.id)]") })
    #expect(!text.contains("agreed:"))

    let json = try JSONValue(json: proved.text(.json))
    #expect(try VerificationReportTests.schema().violations(of: json) == [])
    #expect(json["verdict"] == .string(row.json))
    #expect(json["unproved"]?.elements.contains { $0["id"] == .string(row.id) } == true)

    let junit = try proved.text(.junit)
    #expect(try JUnitTests.violations(of: junit) == [])
    let cases = try XMLElement(document: junit).children.flatMap { $0.all("testcase") }
    let found = cases.flatMap { $0.all(row.junit) }.filter { outcome in
      outcome.attributes["type"] == row.id
        || outcome.attributes["message"]?.contains("[\(row.id)]") == true
    }
    #expect(!found.isEmpty, "\(junit)")

    let tap = try proved.text(.tap).split(separator: "\n").map(String.init)
    if row.tap == "not ok" {
      #expect(tap.contains { $0.hasPrefix("not ok ") })
      #expect(tap.contains("  id: \"\(row.id)\""), "\(tap)")
    } else {
      #expect(
        tap.contains {
          $0.hasPrefix("ok ") && $0.contains(" \(row.tap) ") && $0.contains("[\(row.id)]")
        }, "\(tap)")
    }

    #expect(ExitStatus(report, allowing: .none).rawValue == row.code)
    // --allow-unproved takes the reasons that are there, and nothing less.
    let allowed = report.unproved.map(\.id).joined(separator: ",")
    guard reason.canBeAllowed, report.unproved.allSatisfy(\.reason.canBeAllowed) else {
      #expect(throws: (any Error).self) { try AllowedUnproved(argument: row.id) }
      return
    }
    #expect(ExitStatus(report, allowing: try AllowedUnproved(argument: allowed)) == .agreement)
    let others = AllowedUnproved.known.map(\.id).filter { $0 != row.id }.joined(separator: ",")
    #expect(ExitStatus(report, allowing: try AllowedUnproved(argument: others)) == .unproved)
  }
}
