// ReportCase, ReportSuite: a report reduced to what every test-result format can say.

/// One thing that was checked.
struct ReportCase: Sendable {
  let name: String
  /// What the case belongs to, such as "mappings".
  let group: String
  let outcome: ReportOutcome
  /// What is to be known beside the outcome.
  var notes: [String] = []
  /// Where it is asked for.
  var file: String?
  var line: Int?
}

/// What came of a case.
enum ReportOutcome: Sendable {
  case passed
  /// A disagreement; `id` is its stable name.
  case failed(id: String, message: String, details: [String])
  /// Not checked, and why.
  case skipped(reason: String)
  /// It could not be told, and why.
  case errored(id: String, message: String, details: [String])
}

/// A run: its cases and the environment they ran in.
struct ReportSuite: Sendable {
  let name: String
  /// Names and values, in the order in which they are written.
  var properties: [(name: String, value: String)] = []
  var cases: [ReportCase] = []
}
