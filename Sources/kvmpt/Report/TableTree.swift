// TableTree: the tables of an image, each with what its entries lead to.

import Inspection
import MMU
import Probe

/// Writes the tables indented by level; a table that was shown before is referred to.
struct TableTree: TableVisitor {
  private let destination: ReportDestination
  private let rootLevel: Level
  private var line = LineBuffer()
  private var seen: Set<UInt64> = []
  /// Leaves of the current table that have not been written yet.
  private var pages: (first: Int, last: Int, run: MappedRun)?

  static func write(
    _ image: borrowing OpenedImage, to destination: ReportDestination, _ styler: TextStyler
  ) {
    destination.write(ImageText.head(image, styler))
    var tree = TableTree(
      destination: destination, rootLevel: image.tables.configuration.rootLevel)
    image.tables.traverse(in: image.memory, &tree)
    tree.line.drain(to: destination, atLeast: 0)
  }

  private init(destination: ReportDestination, rootLevel: Level) {
    self.destination = destination
    self.rootLevel = rootLevel
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    let isNew = seen.insert(table.address.rawValue | UInt64(table.level.rawValue)).inserted
    indent(table.level, extra: 0)
    line.append(text: table.level.abbreviation)
    line.append(" at ")
    line.append(hexadecimal: table.address.rawValue)
    line.append(", from ")
    line.append(hexadecimal: table.linearAddress, width: 16)
    line.append(" on")
    if !isNew { line.append(": shown above") }
    line.append("\n")
    line.drain(to: destination)
    return isNew ? .enter : .skip
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if case .page(let size) = entry.kind {
      let page = MappedRun(entry, size, inherited: table.inherited)
      if var open = pages, open.last + 1 == entry.index, open.run.append(page) {
        open.last = entry.index
        pages = open
      } else {
        flush(table.level)
        pages = (entry.index, entry.index, page)
      }
      return .enter
    }
    flush(table.level)
    indent(table.level, extra: 1)
    line.append("[")
    line.append(decimal: UInt64(entry.index))
    line.append("] ")
    line.append(hexadecimal: entry.entry.rawValue, width: 16)
    line.append(" ")
    line.append(text: words(entry))
    line.append("\n")
    return .enter
  }

  mutating func leave(_ table: TableVisit) {
    flush(table.level)
    line.drain(to: destination)
  }

  private func words(_ visit: EntryVisit) -> String {
    let entry = visit.entry
    return switch visit.kind {
    case .notPresent: "not present"
    case .reservedBits(let bits): "reserved bits 0x\(String(bits, radix: 16)) are set"
    case .tableOutsideMemory: "table outside memory"
    case .table, .page:
      "table \(entry.isWritable ? "w" : "-")\(entry.isNoExecute ? "-" : "x")"
        + "\(entry.isUserAccessible ? "u" : "s")\(entry.isAccessed ? " A" : "")"
    }
  }

  private mutating func flush(_ level: Level) {
    guard let (first, last, run) = pages else { return }
    pages = nil
    indent(level, extra: 1)
    line.append("[")
    line.append(decimal: UInt64(first))
    if last > first {
      line.append("-")
      line.append(decimal: UInt64(last))
    }
    line.append("] ")
    line.append(decimal: run.pageCount)
    line.append(text: " x \(run.pageSize.label)")
    line.append(" at ")
    line.append(hexadecimal: run.physicalAddress.rawValue)
    line.append(run.leaf.isWritable ? " w" : " -")
    line.append(run.leaf.isNoExecute ? "-" : "x")
    line.append(run.leaf.isUserAccessible ? "u" : "s")
    line.append("\n")
  }

  private mutating func indent(_ level: Level, extra: Int) {
    for _ in 0..<(Int(rootLevel.rawValue) - Int(level.rawValue)) * 2 + extra * 2 {
      line.append(byte: 0x20)
    }
  }
}
