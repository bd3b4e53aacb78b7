// TAPWriter: the Test Anything Protocol, version 14.

/// Writes a suite as TAP.
///
/// Source: the TAP 14 specification, sections "Test points" and "YAML diagnostics".
enum TAPWriter {
  static func write(_ suite: ReportSuite, to output: inout some TextOutputStream) {
    output.write("TAP version 14\n")
    for (name, value) in suite.properties {
      output.write("# \(oneLine(name)): \(oneLine(value))\n")
    }
    output.write("1..\(suite.cases.count)\n")
    for (index, reportCase) in suite.cases.enumerated() {
      let title = "\(index + 1) - \(escaped(reportCase.name))"
      switch reportCase.outcome {
      case .passed: output.write("ok \(title)\n")
      case .skipped(let reason): output.write("ok \(title) # SKIP \(oneLine(reason))\n")
      case .failed(let id, let message, let details),
        .errored(let id, let message, let details):
        output.write("not ok \(title)\n")
        writeDiagnostics(of: reportCase, id, message, details, to: &output)
      }
      for note in reportCase.notes { output.write("# \(oneLine(note))\n") }
    }
  }

  /// A suite that was skipped as a whole.
  static func writeSkipped(reason: String, to output: inout some TextOutputStream) {
    output.write("TAP version 14\n1..0 # SKIP \(oneLine(reason))\n")
  }

  private static func writeDiagnostics(
    of reportCase: ReportCase, _ id: String, _ message: String, _ details: [String],
    to output: inout some TextOutputStream
  ) {
    output.write("  ---\n")
    output.write("  id: \(quoted(id))\n  message: \(quoted(message))\n")
    if let file = reportCase.file {
      output.write("  at:\n    file: \(quoted(file))\n")
      if let line = reportCase.line { output.write("    line: \(line)\n") }
    }
    if !details.isEmpty {
      output.write("  details:\n")
      for detail in details { output.write("    - \(quoted(detail))\n") }
    }
    output.write("  ...\n")
  }

  /// A JSON string is a YAML string.
  private static func quoted(_ text: String) -> String { JSONWriter<String>.escaped(text) }

  private static func escaped(_ text: String) -> String {
    oneLine(text).replacing("\\", with: "\\\\").replacing("#", with: "\\#")
  }

  private static func oneLine(_ text: String) -> String {
    PlainText.oneLine(String(text.map { $0.isNewline ? " " : $0 }))
  }
}
