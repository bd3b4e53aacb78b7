// EventReader: what a test run has told so far.

import Foundation

/// Reads the file of events of a run that is under way.
final class EventReader {
  private let file: FileHandle
  private var rest: [UInt8] = []
  private var open: [String] = []
  private var issue: SuiteOutcome?

  init(_ events: URL) throws {
    file = try FileHandle(forReadingFrom: events)
  }

  deinit { try? file.close() }

  /// The suites that have begun and not ended.
  var openSuites: [String] {
    _ = firstIssue()
    let tests = open.filter { $0.contains("/") }
    return Set((tests.isEmpty ? open : tests).map { String($0.prefix { $0 != "/" }) }).sorted()
  }

  /// The first failure that was told.
  func firstIssue() -> SuiteOutcome? {
    guard issue == nil else { return issue }
    rest += [UInt8]((try? file.readToEnd()) ?? Data())
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      read(Data(rest[..<end]))
      rest.removeFirst(end + 1)
    }
    return issue
  }

  private func read(_ line: Data) {
    guard let record = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
      record["kind"] as? String == "event", let payload = record["payload"] as? [String: Any]
    else { return }
    let test = payload["testID"] as? String ?? ""
    switch payload["kind"] as? String {
    case "testStarted": open.append(test)
    case "testEnded", "testSkipped": open.removeAll { $0 == test }
    case "issueRecorded":
      guard issue == nil, let details = payload["issue"] as? [String: Any],
        details["isKnown"] as? Bool != true
      else { return }
      let messages = payload["messages"] as? [[String: Any]] ?? []
      let text = messages.compactMap { $0["text"] as? String }.joined(separator: " ")
      issue = .failed(suite: String(test.prefix { $0 != "/" }), message: SourceFile.short(text))
    default: break
    }
  }
}
