// ConformanceText: a comparison of a machine with the manual, for people.

import KVM
import MMU
import Probe

/// Writes a conformance report for a terminal.
struct ConformanceText {
  let report: ConformanceReport
  let styler: TextStyler

  private static let shownCount = 20

  func write(to output: inout some TextOutputStream) {
    let total = report.total
    let shard =
      report.shard == .whole ? "" : ", share \(report.shard.number) of \(report.shard.count)"
    output.write(styler("conformance, profile \(report.profile.rawValue)\(shard)", .bold) + "\n\n")
    var table = TextTable([("", .left), ("", .left)])
    table.append([.init("machine", .dim), .init(report.machine.words)])
    table.append([
      .init("cases", .dim),
      .init(
        "\(grouped(total.caseCount)) in \(grouped(report.blocks.count))"
          + " of \(counted(report.blockCount, "block", "blocks"))"),
    ])
    table.append([.init("agreed", .dim), .init(grouped(total.agreedCount))])
    for (deviation, count) in total.deviations.sorted(by: { $0.key.message < $1.key.message }) {
      table.append([
        .init("by a rule", .yellow), .init("\(grouped(count)): \(deviation.message)"),
      ])
    }
    for (reason, count) in report.notRun.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      table.append([
        .init("not run", .yellow), .init("\(grouped(count)): \(reason.message)"),
      ])
    }
    output.write(table.rendered(styler: styler))
    for mismatch in total.mismatches.prefix(Self.shownCount) { output.write("\n" + text(mismatch)) }
    if total.mismatchCount > Self.shownCount {
      output.write("\n... and \(grouped(total.mismatchCount - Self.shownCount)) more\n")
    }
    output.write("\n" + summary(total) + "\n")
  }

  private func text(_ mismatch: ConformanceMismatch) -> String {
    let upper = PageTableEntry(mismatch.upperEntry, at: mismatch.upperLevel)
    let lower = PageTableEntry(
      mismatch.lowerEntry, at: mismatch.upperLevel.lower ?? .pageTable)
    var text =
      styler("differs", .redBold)
      + " at \(HexadecimalNumber(mismatch.address)), \(mismatch.matrix), \(mismatch.mode)\n"
    for entry in [upper, lower] {
      text +=
        "    \(entry.level.entryName) \(HexadecimalNumber(entry.rawValue))"
        + " \(EntryBitsText.text(entry))\n"
    }
    text += "    modelled  \(mismatch.modelled.words)\n    executed  \(mismatch.executed.words)\n"
    if let flags = mismatch.flags { text += "    flags     \(flags)\n" }
    return text
  }

  private func summary(_ total: ConformanceTally) -> String {
    var lines: [String] = []
    if total.mismatchCount > 0 {
      lines.append(
        styler("disagreed", .redBold)
          + ": \(counted(total.mismatchCount, "case differs", "cases differ")) from the manual,"
          + " and no rule says why")
    } else if report.isComplete {
      lines.append(
        styler("agreed", .green) + ": every case is as the manual says, or as a rule says")
    } else {
      lines.append(styler("incomplete", .yellow) + ": what was run agrees")
    }
    let seconds = report.time.seconds
    if total.caseCount > 0, seconds > 0 {
      let rate = Double(total.caseCount) / seconds
      lines.append(
        "time: \(report.time.secondsText); \(grouped(Int(rate))) cases per second,"
          + " \(microseconds(seconds / Double(total.caseCount))) per case;"
          + " \(grouped(peakMemoryMiB())) MiB of memory at most")
    }
    return lines.joined(separator: "\n")
  }

  private func microseconds(_ seconds: Double) -> String {
    "\((seconds * 1e7).rounded() / 10) µs"
  }
}

extension Duration {
  /// The time in seconds.
  var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
