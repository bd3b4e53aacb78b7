// ImageReportText: the proof of an image's tables for people.

import MMU
import Probe

/// Writes a report about an image for a terminal.
struct ImageReportText {
  let report: ImageReport
  /// The lines about the image and its registers.
  let head: String
  /// What was asked for, in words.
  let asked: String
  let styler: TextStyler
  /// Why the root leads to no page, where it does not.
  var emptyRoot: String?

  func write(to output: inout some TextOutputStream) {
    let proof = ProofText(
      report: report, space: report.space, kinds: report.kinds, styler: styler)
    output.write(head + "\n" + facts())
    output.write("\n" + pages() + proof.legend() + proof.expectations())
    output.write(proof.disagreements())
    let summary = ReportSummary(
      report, in: report.space, isAsked: report.expectation != nil, styler: styler)
    output.write("\n" + summary.text + "\n")
  }

  private func facts() -> String {
    var table = TextTable([("", .left), ("", .left)])
    for row in MachinesText(report: report).facts() { table.append(row) }
    table.append([.init("asked", .dim), .init(asked)])
    table.append([.init("tables", .dim), .init(tables)])
    if let index = report.agentRootIndex, report.profile != nil {
      table.append([
        .init("agent", .dim), .init("below root entry \(index) of a copy of the root"),
      ])
    }
    for feature in report.omittedFeatures {
      table.append([
        .init("left off", .yellow),
        .init("\(feature.rawValue), which this machine lacks: PKRU forbids nothing"),
      ])
    }
    for line in DeadEndText.lines(report.deadEnds, emptyRoot, prefix: "") {
      table.append([.init("nowhere", .yellow), .init(line)])
    }
    if report.sharedByteCount > 0 {
      table.append([
        .init("shared", .yellow),
        .init(
          "\(ByteCount(report.sharedByteCount)) of addresses go through tables that are probed at"
            + " another address: each link to them is probed once"),
      ])
    }
    return table.rendered(styler: styler)
  }

  private var tables: String {
    let bytes = report.memoryRanges.reduce(0) { $0 + $1.byteCount }
    return "\(counted(report.tableCount, "table", "tables")),"
      + " in \(ByteCount(bytes)) of memory in \(counted(report.memoryRanges.count, "range"))"
  }

  private func pages() -> String {
    let machines = MachinesText(report: report)
    var table = TextTable(
      [
        ("pages", .left), ("memory", .left), ("asked", .left), ("modelled", .left),
        ("executed", .left), ("pages", .right), ("probes", .right), ("", .left),
      ] + machines.column)
    for (index, kind) in report.kinds.enumerated() {
      let tally = report.tallies[.kind(index)] ?? SubjectTally()
      table.append(
        [
          .init(kind.pageSize?.label ?? "(links to shared tables)"),
          .init(kind.pageSize == nil ? "" : kind.hasMemory ? "yes" : "none"),
        ] + ProofText.cells(tally, pageCount: Int(clamping: report.leafCounts[index]))
          + [machines.cell(.kind(index))])
    }
    for (index, mapping) in report.space.mappings.enumerated() {
      guard let tally = report.tallies[.mapping(index)] else { continue }
      table.append(
        [.init("(asked for, unmapped: \(mapping.name))"), ""]
          + ProofText.cells(
            tally, pageCount: 0,
            differs: report.comparison?.differingMappings.contains(index) == true)
          + [machines.cell(.mapping(index))])
    }
    if let gaps = report.tallies[.gap(nearMapping: -1)] {
      table.append(
        [.init("(unmapped around them)"), ""] + ProofText.cells(gaps, pageCount: 0)
          + [machines.cell(.gap(nearMapping: -1))])
    }
    return table.rendered(styler: styler)
  }
}
