// Recording: what the program wrote once, kept in a file beside the tests.

import Foundation
import Testing

@testable import kvmpt

/// A text file of this folder, which a test compares with what is written today.
///
/// Every word, number, indentation and order of a report is in it, so that no part can go or change
/// unnoticed. With `KVMPT_RECORD=1` in the environment the tests write their recordings anew; the
/// difference is then to be read like any other change of the code.
struct Recording {
  let name: String

  private var path: String { "\(PackageFiles.root)/Tests/kvmptTests/Recorded/Texts/\(name).txt" }

  private static let isWriting = ProcessInfo.processInfo.environment["KVMPT_RECORD"] == "1"

  /// Compares `text`, or writes it.
  func check(_ text: String) throws {
    if Self.isWriting {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return
    }
    let recorded = try String(contentsOfFile: path, encoding: .utf8)
    if text == recorded { return }
    let found = text.split(separator: "\n", omittingEmptySubsequences: false)
    let expected = recorded.split(separator: "\n", omittingEmptySubsequences: false)
    let first = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }
    let line = first?.offset ?? min(found.count, expected.count)
    Issue.record(
      """
      \(name).txt differs from line \(line + 1) on; KVMPT_RECORD=1 writes it anew
      recorded: \(line < expected.count ? expected[line] : "(nothing)")
      found:    \(line < found.count ? found[line] : "(nothing)")
      """)
  }

  /// `text` without what differs from run to run: times, how much a second, and memory.
  static func withoutTimes(_ text: String) -> String {
    text
      .replacing(/[0-9.]+ (?<unit>s|µs)\b/) { "0 \($0.output.unit)" }
      .replacing(/[0-9,]+ (?<what>probes|cases) per second/) { "0 \($0.output.what) per second" }
      .replacing(
        /"(?<name>total|calibration|execution|guest|milliseconds|guest-milliseconds|probes-per-second)": [0-9.]+/
      ) {
        "\"\($0.output.name)\": 0"
      }
      .replacing(/time="[0-9.]+"/, with: "time=\"0\"")
      .replacing(/[0-9,]+ MiB of memory at most/, with: "0 MiB of memory at most")
  }
}
