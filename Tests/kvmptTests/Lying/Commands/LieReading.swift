// LieReading: what a command says, by stable names, in each of its formats, and its exit code.

import Foundation
import MMU

@testable import Probe
@testable import kvmpt

/// The places where something can be said.
enum LieFormat: String, CaseIterable, Hashable, Sendable {
  case text, json, junit, tap
  /// The values that the library returns or throws.
  case library
}

/// What was said.
struct LieReading: Equatable, Sendable {
  /// The names of what is not as it should be, by format.
  private(set) var names: [LieFormat: Set<String>] = [:]
  /// The exit code.
  private(set) var exitCode: Int32 = 0

  /// The same without what an honest machine makes the command say, too.
  func subtracting(_ control: LieReading) -> LieReading {
    var rest = self
    for (format, known) in control.names { rest.names[format]?.subtract(known) }
    return rest
  }

  init(_ names: [LieFormat: Set<String>], exitCode: Int32) {
    self.names = names
    self.exitCode = exitCode
  }

  /// A report about probes: one run, five formats.
  init(_ proved: ProvedReport) throws {
    names[.text] = Self.names(inText: try proved.text(.text))
    names[.json] = Self.names(inJSON: try JSONValue(json: proved.text(.json)))
    names[.junit] = try Self.names(inJUnit: proved.text(.junit))
    names[.tap] = Self.names(inTAP: try proved.text(.tap))
    names[.library] = Self.names(of: proved.report)
    exitCode = ExitStatus(proved.report, allowing: .none).rawValue
  }

  private static func names(of report: any ProofReport) -> Set<String> {
    var names = Set(report.disagreements.flatMap(\.verdict.disagreements.ids))
    if !report.flagDisagreements.isEmpty { names.insert("wrong-flags") }
    for difference in report.comparison?.differences ?? [] {
      names.insert(difference.kind.rawValue)
    }
    names.formUnion(report.unproved.map(\.id))
    return names
  }

  private static func names(inJSON report: JSONValue) -> Set<String> {
    var names: Set<String> = []
    for disagreement in report["disagreements"]?.elements ?? [] {
      names.formUnion(disagreement["pairs"]?.elements.compactMap(\.text) ?? [])
    }
    if report["wrong-flags"]?.elements.isEmpty == false { names.insert("wrong-flags") }
    names.formUnion(
      report["ranges"]?["differences"]?.elements.compactMap { $0["kind"]?.text } ?? [])
    names.formUnion(report["unproved"]?.elements.compactMap { $0["id"]?.text } ?? [])
    return names
  }

  /// What people read: the words of each name.
  private static func names(inText text: String) -> Set<String> {
    var names: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("disagreement at ") {
        if line.hasSuffix(": the machine does not do what the manual says") {
          names.insert("modelled-executed")
        } else if line.hasSuffix(": the tables are not what was asked for") {
          names.formUnion(["asked-modelled", "asked-executed"])
        } else if line.contains(" probes at CPL ") {
          names.insert("wrong-flags")
        } else if line.contains(#/^disagreement at 0x[0-9a-f_]+ to 0x[0-9a-f_]+: /#) {
          names.insert(rangeKind(String(line)).rawValue)
        } else {
          names.insert(String(line))
        }
      } else if line.hasPrefix("unproved: "), let start = line.lastIndex(of: "["),
        let end = line[start...].firstIndex(of: "]")
      {
        names.insert(String(line[line.index(after: start)..<end]))
      }
    }
    return names
  }

  /// How a range differs, by the words for it.
  private static func rangeKind(_ line: String) -> RangeDifferenceKind {
    if line.contains(": nothing is mapped instead of ") { return .notMapped }
    if line.hasSuffix(", and nobody asked for it") { return .notAsked }
    return line.hasSuffix(" where nothing may be") ? .mustNotBeMapped : .different
  }

  private static func names(inJUnit text: String) throws -> Set<String> {
    var names: Set<String> = []
    for element in try XMLElement(document: text).children.flatMap({ $0.all("testcase") }) {
      for outcome in element.children where outcome.name != "system-out" {
        if outcome.name == "skipped" {
          names.formUnion(bracketed(outcome.attributes["message"] ?? ""))
        } else {
          names.insert(outcome.attributes["type"] ?? "without a type")
        }
      }
    }
    return names
  }

  private static func names(inTAP text: String) -> Set<String> {
    var names: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("  id: \"") { names.insert(String(line.dropFirst(7).dropLast())) }
      if line.hasPrefix("ok "), line.contains(" # SKIP ") {
        names.formUnion(bracketed(String(line)))
      }
    }
    return names
  }

  private static func bracketed(_ text: String) -> Set<String> {
    Set(text.matches(of: /\[([a-z0-9-]+)\]/).map { String($0.1) })
  }
}
