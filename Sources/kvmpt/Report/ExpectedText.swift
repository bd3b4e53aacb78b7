// ExpectedText: what a file says that an access should do, in words.

import MMU
import Probe

/// What was meant with an access.
struct ExpectedText {
  let path: String
  let pageAttributeTable: UInt64
  let access: MeantAccess

  /// What the file asks for, and whether the tables do it.
  var sentence: String {
    let file = PlainText.oneLine(path)
    switch access.meaning {
    case .unsaid: return "expected: \(file) says nothing of this address"
    case .nothing: return "expected: \(file) maps nothing here, so that a fault is what was meant"
    case .fault(let range):
      return "expected: \(file) asks for \(words(range)), so that a fault is what was meant"
    case .success(let range, _):
      return "expected: \(file) asks for \(words(range))"
        + (access.cures.isEmpty
          ? "; no change of one entry makes the tables say it and leaves the rest as it is" : "")
    }
  }

  private func words(_ range: AskedRange) -> String {
    guard case .mapped(let page) = range.content else { return "nothing" }
    return page.words(in: pageAttributeTable)
  }
}
