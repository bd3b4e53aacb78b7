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

  func write(to output: inout some TextOutputStream) {
    let name = report.space.name.isEmpty ? path : "\(report.space.name) (\(path))"
    output.write(styler(PlainText.oneLine(name), .bold) + "\n\n")
    output.write(facts())
    let proof = ProofText(report: report, space: report.space, styler: styler)
    output.write("\n" + mappings() + proof.legend() + proof.expectations())
    output.write(proof.disagreements())
    output.write("\n" + ReportSummary(report, in: report.space, styler: styler).text + "\n")
  }

  private func facts() -> String {
    var table = TextTable([("", .left), ("", .left)])
    for row in MachinesText(report: report).facts() { table.append(row) }
    table.append([.init("built", .dim), .init(built)])
    return table.rendered(styler: styler)
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
      + " in \(report.space.memoryWords)"
  }

  private func mappings() -> String {
    let machines = MachinesText(report: report)
    var table = TextTable(
      [
        ("mapping", .left), ("linear", .left), ("size", .right), ("asked", .left),
        ("modelled", .left), ("executed", .left), ("pages", .right), ("probes", .right),
        ("", .left),
      ] + machines.column)
    let differing = report.comparison?.differingMappings ?? []
    table.append(report.space.mappings.count) { index in
      let mapping = report.space.mappings[index]
      let tally = report.tallies[.mapping(index)] ?? SubjectTally()
      return [
        .init(mapping.name), .init("\(HexadecimalNumber(mapping.linearAddress.rawValue))"),
        .init("\(ByteCount(mapping.byteCount))"),
      ]
        + ProofText.cells(
          tally, pageCount: report.pageCounts[index] ?? 0, differs: differing.contains(index))
        + [machines.cell(.mapping(index))]
    }
    if let row = recursiveSlot(machines) { table.append(row) }
    if let unasked = report.tallies[.unasked] {
      table.append(
        [.init("(present, and not asked for)"), "", ""] + ProofText.cells(unasked, pageCount: 0)
          + [machines.cell(.unasked)])
    }
    if let gaps = report.tallies[.gap(nearMapping: -1)] {
      table.append(
        [.init("(unmapped around them)"), "", ""] + ProofText.cells(gaps, pageCount: 0)
          + [machines.cell(.gap(nearMapping: -1))])
    }
    return table.rendered(styler: styler)
  }

  /// The row of the recursive slot, whose pages are the tables.
  private func recursiveSlot(_ machines: MachinesText) -> [TextTable.Cell]? {
    guard let slot = report.space.recursiveSlot else { return nil }
    let level = report.space.rootLevel
    let first = slot.addresses(rootLevel: level).lowerBound
    return [
      .init("(\(slot.words))"), .init("\(HexadecimalNumber(first))"),
      .init("\(ByteCount(level.span))"),
    ]
      + ProofText.cells(
        report.tallies[.recursiveSlot] ?? SubjectTally(), pageCount: report.recursivePageCount,
        differs: report.comparison?.differsInRecursiveSlot ?? false)
      + [machines.cell(.recursiveSlot)]
  }
}

extension MachineProfile {
  /// The machine, the host and who walks the tables.
  var words: String {
    var text = identity.name
    if !identity.programVersion.isEmpty { text += " \(identity.programVersion)" }
    if !identity.processorName.isEmpty { text += " on \(identity.processorName)" }
    if !identity.kernelRelease.isEmpty { text += ", Linux \(identity.kernelRelease)" }
    return PlainText.oneLine(text) + "; the tables are walked by \(identity.walkerWords)"
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
