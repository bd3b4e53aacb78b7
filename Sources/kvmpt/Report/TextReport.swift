// TextReport: a verification for people.

import GuestMem
import KVM
import MMU
import Probe

/// Writes a report for a terminal.
struct TextReport {
  let report: VerificationReport
  let path: String
  let styler: TextStyler

  /// At most this many disagreements are written; the machine-readable formats have them all.
  private static let shownCount = 20

  func write(to output: inout some TextOutputStream) {
    let name = report.space.name.isEmpty ? path : "\(report.space.name) (\(path))"
    output.write(styler(name, .bold) + "\n\n")
    output.write(facts())
    output.write("\n" + mappings() + legend() + expectations())
    output.write(disagreements())
    output.write("\n" + ReportSummary(report, styler: styler).text + "\n")
  }

  private func facts() -> String {
    var table = TextTable([("", .left), ("", .left)])
    table.append([.init("machine", .dim), .init(machine)])
    table.append([.init("built", .dim), .init(built)])
    for deviation in report.profile?.deviations ?? [] {
      table.append([.init("differs", .yellow), .init(deviation.message)])
    }
    return table.rendered(styler: styler)
  }

  private var machine: String {
    guard let profile = report.profile else { return "none: only the model was asked" }
    return profile.words
  }

  private var built: String {
    let leaves = PageSize.allCases.reversed().compactMap { size -> String? in
      let count = report.statistics.leafCounts[size] ?? 0
      return count > 0 ? "\(grouped(count)) x \(size.label)" : nil
    }
    let tables = report.statistics
    return "\(report.space.rootLevel.rawValue) levels,"
      + " \(counted(tables.tableCount, "table")) (\(ByteCount(tables.tableByteCount))),"
      + " \(leaves.isEmpty ? "no pages" : leaves.joined(separator: " + ")),"
      + " in \(ByteCount(report.space.memoryByteCount)) of memory"
  }

  private func mappings() -> String {
    var table = TextTable([
      ("mapping", .left), ("linear", .left), ("size", .right), ("asked", .left),
      ("modelled", .left), ("executed", .left), ("pages", .right), ("probes", .right), ("", .left),
    ])
    for (index, mapping) in report.space.mappings.enumerated() {
      let tally = report.tallies[.mapping(index)] ?? SubjectTally()
      table.append(
        [
          .init(mapping.name), .init("\(HexadecimalNumber(mapping.linearAddress.rawValue))"),
          .init("\(ByteCount(mapping.byteCount))"),
        ] + cells(tally, pageCount: report.pageCounts[index] ?? 0))
    }
    if let gaps = report.tallies[.gap(nearMapping: -1)] {
      table.append([.init("(unmapped around them)"), "", ""] + cells(gaps, pageCount: 0))
    }
    return table.rendered(styler: styler)
  }

  private func cells(_ tally: SubjectTally, pageCount: Int) -> [TextTable.Cell] {
    [
      .init(RightsText.text(tally.asked)), .init(RightsText.text(tally.modelled)),
      .init(RightsText.text(tally.executed)), .init(grouped(pageCount)),
      .init(grouped(tally.probeCount)), verdict(tally),
    ]
  }

  private func verdict(_ tally: SubjectTally) -> TextTable.Cell {
    if tally.disagreementCount > 0 || tally.lostCount > 0 { return .init("disagree", .red) }
    if tally.notRun.keys.contains(where: \.meansUnfinished) { return .init("not finished", .red) }
    if tally.executedCount == 0 { return .init("skipped", .yellow) }
    if tally.agreementCount == 0 { return .init("explained", .yellow) }
    if tally.executedCount < tally.probeCount || !tally.deviations.isEmpty {
      return .init("agree, in part", .yellow)
    }
    return .init("agree", .green)
  }

  private func legend() -> String {
    styler("  rights at CPL 0 | CPL 3; '.' was not probed, '?' differs from page to page", .dim)
      + "\n"
  }

  private func expectations() -> String {
    guard !report.space.expectations.isEmpty else { return "" }
    var table = TextTable([
      ("expectation", .left), ("access", .left), ("outcome", .left), ("", .left),
      ("", .left),
    ])
    for (index, expectation) in report.space.expectations.enumerated() {
      let tally = report.tallies[.expectation(index)] ?? SubjectTally()
      table.append([
        .init("\(HexadecimalNumber(expectation.linearAddress))"),
        .init(ProbeManner(expectation.access, at: expectation.privilege).words),
        .init(expectation.outcome.words), verdict(tally),
        .init(expectation.probedWords(tally) ?? "", .dim),
      ])
    }
    return "\n" + table.rendered(styler: styler)
  }

  private func disagreements() -> String {
    var texts = report.disagreements.prefix(Self.shownCount).map {
      DisagreementText($0, in: report.space).text
    }
    texts += report.lost.prefix(Self.shownCount).map { verdict in
      "\(verdict.addressWords): \(verdict.manner.words),"
        + " \(verdict.page.subject.words(in: report.space))\n"
        + "    executed  \(verdict.executed.words)\n"
    }
    texts += report.flagDisagreements.prefix(Self.shownCount).map { FlagText($0).text }
    texts += report.attributeDisagreements.prefix(Self.shownCount).map {
      AttributeText($0, in: report.space).text
    }
    guard !texts.isEmpty else { return "" }
    let all =
      report.disagreements.count + report.lost.count + report.flagDisagreements.count
      + report.attributeDisagreements.count
    var text = "\n" + texts.map { styler("disagreement", .redBold) + " at " + $0 }.joined()
    if all > texts.count {
      text += "... and \(grouped(all - texts.count)) more; --format json has them all\n"
    }
    return text
  }
}

extension MachineProfile {
  /// The machine, the host and who walks the tables.
  var words: String {
    var text = identity.name
    if !identity.processorName.isEmpty { text += " on \(identity.processorName)" }
    if !identity.kernelRelease.isEmpty { text += ", Linux \(identity.kernelRelease)" }
    return text + "; the tables are walked by \(identity.walker.name)"
  }
}

/// A number with its thousands apart.
func grouped(_ number: Int) -> String {
  let digits = Array(String(number.magnitude))
  var text = number < 0 ? "-" : ""
  for (index, digit) in digits.enumerated() {
    if index > 0 && (digits.count - index).isMultiple(of: 3) { text += "," }
    text.append(digit)
  }
  return text
}
