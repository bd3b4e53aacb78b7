// ProofText: what every report about probes says to people.

import MMU
import Probe

/// The parts that reports about address spaces and about images have in common.
struct ProofText {
  let report: any ProofReport
  let space: AddressSpace
  var kinds: [PageKind] = []
  let styler: TextStyler

  /// At most this many disagreements are written; the machine-readable formats have them all.
  private static let shownCount = 20

  /// The last six cells of a row; `differs` is true where the tables say something else than what
  /// was asked for.
  static func cells(
    _ tally: SubjectTally, pageCount: Int, differs: Bool = false
  ) -> [TextTable.Cell] {
    [
      .init(RightsText.text(tally.asked)), .init(RightsText.text(tally.modelled)),
      .init(RightsText.text(tally.executed)), .init(grouped(pageCount)),
      .init(grouped(tally.probeCount)), differs ? .init("disagree", .red) : verdict(tally),
    ]
  }

  private static func verdict(_ tally: SubjectTally) -> TextTable.Cell {
    if tally.disagreementCount > 0 { return .init("disagree", .red) }
    if tally.notRun.keys.contains(where: \.meansUnfinished) { return .init("not finished", .red) }
    if tally.agreementCount == 0 { return .init("unproved", .yellow) }
    if tally.agreementCount < tally.probeCount { return .init("unproved, in part", .yellow) }
    return .init("agree", .green)
  }

  /// What the letters mean.
  func legend() -> String {
    styler("  rights at CPL 0 | CPL 3; '.' was not probed, '?' differs from page to page", .dim)
      + "\n"
  }

  /// The table of expectations; nothing where there are none.
  func expectations() -> String {
    guard !space.expectations.isEmpty else { return "" }
    var table = TextTable([
      ("expectation", .left), ("access", .left), ("outcome", .left), ("", .left), ("", .left),
    ])
    for (index, expectation) in space.expectations.enumerated() {
      let tally = report.tallies[.expectation(index)] ?? SubjectTally()
      table.append([
        .init("\(HexadecimalNumber(expectation.linearAddress))"),
        .init(ProbeManner(expectation.access, at: expectation.privilege).words),
        .init(expectation.outcome.words), Self.verdict(tally),
        .init(expectation.probedWords(tally) ?? "", .dim),
      ])
    }
    return "\n" + table.rendered(styler: styler)
  }

  /// True when more than one machine answered.
  private var isPlural: Bool { MachinesText(report: report).isPlural }

  /// What disagrees, in full.
  func disagreements() -> String {
    let strides = report.comparison?.differences.filter { $0.stride != nil } ?? []
    // Each probe in such a range only says again what the range says.
    let disagreements = report.disagreements.filter { disagreement in
      let verdict = disagreement.verdict
      return verdict.disagreements.contains(.modelledExecuted)
        || !strides.contains { $0.first <= verdict.address && verdict.address <= $0.last }
    }
    let hiddenCount = report.disagreements.count - disagreements.count
    var texts = disagreements.prefix(Self.shownCount).map {
      DisagreementText($0, in: space, kinds: kinds, namesMachine: isPlural).text
    }
    texts += report.flagDisagreements.prefix(Self.shownCount).map {
      FlagText($0, namesMachine: isPlural).text
    }
    if let comparison = report.comparison {
      texts += RangeComparisonText(comparison: comparison, space: space)
        .differences(Self.shownCount)
    }
    let machines = MachinesText(report: report)
    let others = machines.differences(Self.shownCount, in: space, kinds: kinds, styler) + lost()
    guard !texts.isEmpty else { return others }
    // Of many some are kept, and all are counted.
    let kept =
      report.disagreements.count + report.flagDisagreements.count
      + (report.comparison?.differences.count ?? 0)
    let all =
      report.total.disagreementCount - hiddenCount + report.flagDisagreements.count
      + (report.comparison?.differenceCount ?? 0)
    var text = "\n" + texts.map { styler("disagreement", .redBold) + " at " + $0 }.joined()
    if all > texts.count {
      text +=
        "... and \(grouped(all - texts.count)) more; --format json has"
        + " \(kept == all ? "them all" : grouped(kept) + " of them")\n"
    }
    return text + others
  }

  /// The probes that killed the guest.
  private func lost() -> String {
    guard !report.lost.isEmpty else { return "" }
    var text = "\n"
    for verdict in report.lost.prefix(Self.shownCount) {
      text +=
        styler("lost", .yellow) + " at \(verdict.addressWords): \(verdict.manner.words),"
        + " \(verdict.page.subject.words(in: space, kinds: kinds))\n"
        + "    modelled  \(verdict.modelled.words)\n"
        + "    executed  \(verdict.executed.words)\(verdict.onMachine(isPlural))\n"
    }
    let rest = report.total.lostCount - min(report.lost.count, Self.shownCount)
    if rest > 0 { text += "... and \(grouped(rest)) more\n" }
    return text
  }
}
