// The proof of an image's tables as test cases, for JUnit and TAP.

import MMU
import Probe

extension ReportSuite {
  /// One case per kind of page, one for the unmapped pages, one for each thing that was asked for
  /// and is not mapped, one per expectation, one for the flags, one for all that is
  /// mapped where somebody says what should be.
  init(_ report: ImageReport, path: String, asked: String) {
    self.init(name: path)
    properties =
      Self.machines(report) + [
        ("asked", asked),
        ("probes", "\(report.total.probeCount)"), ("executed", "\(report.total.executedCount)"),
      ] + ExtentText(report).properties + report.remarks.map { ("warning", $0.message) }
      + report.deadEnds.deadEnds.prefix(100).map { ("leads nowhere", DeadEndText.line($0)) }
    func add(_ name: String, _ group: String, _ subject: ProbeSubject) {
      cases.append(
        ReportCase(
          name: name, group: group,
          outcome: Self.outcome(of: subject, report, in: report.space, kinds: report.kinds),
          file: path))
    }
    for (index, kind) in report.kinds.enumerated() { add(kind.words, "pages", .kind(index)) }
    if report.tallies[.gap(nearMapping: -1)] != nil {
      add("unmapped pages fault", "gaps", .gap(nearMapping: -1))
    }
    for (index, mapping) in report.space.mappings.enumerated()
    where report.tallies[.mapping(index)] != nil {
      add("\(mapping.name), which is not mapped", "mappings", .mapping(index))
    }
    for (index, expectation) in report.space.expectations.enumerated() {
      let manner = ProbeManner(expectation.access, at: expectation.privilege)
      add(
        "\(manner.words) of \(HexadecimalNumber(expectation.linearAddress)):"
          + " \(expectation.outcome.words)", "expectations", .expectation(index))
    }
    cases.append(
      ReportCase(
        name: "every table is in the image and a page is mapped", group: "tables",
        outcome: UnprovedText.reason(report.unprovedTables).map { .skipped(reason: $0) } ?? .passed,
        file: path))
    cases.append(Self.flagCase(report))
    addRangeCase(report, in: report.space)
  }
}
