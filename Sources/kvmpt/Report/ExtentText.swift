// ExtentText: how much of what is mapped was to be executed, for every format.

import Probe

/// What a report says about the extent of its probes.
struct ExtentText {
  private let report: any ProofReport

  init(_ report: any ProofReport) { self.report = report }

  /// What was to be executed, where that is not simply everything or was asked for; else nil.
  var statement: String? {
    report.total.coveredCount > 0 || isExhaustive ? report.extent.statement : nil
  }

  /// The same under its name, in as many lines as it has parts; nil as above.
  var lines: String? {
    statement.map { "\(report.extent.rawValue): " + $0.replacing("; ", with: ";\n  ") }
  }

  /// True when every page of what is mapped was to be executed.
  var isExhaustive: Bool { report.extent == .exhaustive }

  /// As properties of a test suite.
  var properties: [(String, String)] {
    [("covered", "\(report.total.coveredCount)"), ("exhaustive", "\(isExhaustive)")]
      + (statement.map { [("extent", $0)] } ?? [])
  }

  /// As members of an object.
  func write(to json: inout JSONWriter<ReportDestination>) {
    json.member("exhaustive", isExhaustive)
    json.key("extent")
    if let statement { json.value(statement) } else { json.null() }
  }
}
