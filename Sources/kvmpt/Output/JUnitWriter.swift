// JUnitWriter: the XML that CI systems show as test results.

/// Writes a suite as JUnit XML.
///
/// Source: the de-facto schema of Apache Ant's JUnit task, as Jenkins and GitLab read it.
enum JUnitWriter {
  static func write(_ suite: ReportSuite, to output: inout some TextOutputStream) {
    var failed = 0
    var errored = 0
    var skipped = 0
    for reportCase in suite.cases {
      switch reportCase.outcome {
      case .passed: break
      case .failed: failed += 1
      case .errored: errored += 1
      case .skipped: skipped += 1
      }
    }
    let counts = [
      ("name", suite.name), ("tests", "\(suite.cases.count)"), ("failures", "\(failed)"),
      ("errors", "\(errored)"), ("skipped", "\(skipped)"),
    ]
    output.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    output.write("<testsuites\(attributes(counts))>\n  <testsuite\(attributes(counts))>\n")
    if !suite.properties.isEmpty {
      output.write("    <properties>\n")
      for (name, value) in suite.properties {
        output.write("      <property\(attributes([("name", name), ("value", value)]))/>\n")
      }
      output.write("    </properties>\n")
    }
    for reportCase in suite.cases { write(reportCase, to: &output) }
    output.write("  </testsuite>\n</testsuites>\n")
  }

  private static func write(_ reportCase: ReportCase, to output: inout some TextOutputStream) {
    var names = [("name", reportCase.name), ("classname", reportCase.group)]
    if let file = reportCase.file { names.append(("file", file)) }
    if let line = reportCase.line { names.append(("line", "\(line)")) }
    output.write("    <testcase\(attributes(names))")
    switch reportCase.outcome {
    case .passed where reportCase.notes.isEmpty: output.write("/>\n")
    case .passed:
      let text = XMLText.escaped(reportCase.notes.joined(separator: "\n"))
      output.write(">\n      <system-out>\(text)</system-out>\n    </testcase>\n")
    case .skipped(let reason):
      output.write(">\n      <skipped\(attributes([("message", reason)]))/>\n    </testcase>\n")
    case .failed(let id, let message, let details):
      write("failure", id, message, details, to: &output)
    case .errored(let id, let message, let details):
      write("error", id, message, details, to: &output)
    }
  }

  private static func write(
    _ element: String, _ id: String, _ message: String, _ details: [String],
    to output: inout some TextOutputStream
  ) {
    let text = XMLText.escaped(details.joined(separator: "\n"))
    output.write(">\n      <\(element)\(attributes([("message", message), ("type", id)]))>")
    output.write("\(text)</\(element)>\n    </testcase>\n")
  }

  private static func attributes(_ pairs: [(String, String)]) -> String {
    pairs.map { " \($0.0)=\"\(XMLText.escaped($0.1))\"" }.joined()
  }
}

/// Text inside XML.
enum XMLText {
  /// The text with markup escaped; characters that XML 1.0 forbids become U+FFFD.
  ///
  /// Source: XML 1.0, sections 2.2 (characters) and 3.3.3 (attribute-value normalization).
  static func escaped(_ text: String) -> String {
    var result = ""
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      defer { previous = scalar }
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&apos;"
      // Written as they are, they would become spaces in attributes.
      case "\t", "\n", "\r": result += "&#\(scalar.value);"
      case _ where PlainText.isCommand(previous, scalar): result += "&#\(scalar.value);"
      case _ where !PlainText.isHarmless(scalar): result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
