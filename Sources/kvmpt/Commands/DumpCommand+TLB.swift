// kvmpt dump --format tlb: a line for each page, as QEMU's monitor writes it.

import Inspection
import MMU
import Probe

extension DumpCommand {
  /// A line for each page takes no shared tables: four of them map 2^36 pages.
  func requirePages(_ image: borrowing OpenedImage) throws(CommandFailure) {
    let cost = image.tables.cost(in: image.memory)
    guard max(cost.leafCount, cost.tableCount) <= Self.pageLimit else {
      throw CommandFailure(
        .badInput,
        "\(quoted(path)) has more than \(grouped(Int(Self.pageLimit))) pages by shared tables,"
          + " too many for a line each",
        hint: "use --format text or jsonl, which refer to tables that were listed before")
    }
  }

  private static let pageLimit: UInt64 = 1 << 26

  func writeTLB(
    _ image: borrowing OpenedImage, _ words: [FilterWord], to destination: ReportDestination
  ) {
    let pat = image.pat
    var listing = QEMUListing(to: destination) { entry, table in
      guard !words.isEmpty, case .page(let size) = entry.kind else { return true }
      let run = MappedRun(entry, size, inherited: table.inherited)
      return words.allSatisfy { $0.holds(for: run, pat: pat) }
    }
    image.tables.traverse(in: image.memory, &listing)
    listing.finish()
  }

  /// The format has no words for what is missing, so that standard error says it.
  static func silence(
    _ deadEnds: DeadEndReport, _ image: borrowing OpenedImage
  ) -> CommandFailure {
    let first = deadEnds.deadEnds.first { $0.cause == .tableOutsideMemory }.map(DeadEndText.line)
    return CommandFailure(
      .unproved,
      deadEnds.mapsPages
        ? "the listing is not whole: the image does not hold the tables of"
          + " \(counted(deadEnds.missingTableCount, "entry", "entries")), the first for"
          + " \(first ?? "addresses further on")"
        : image.emptyRootReason(), hint: "--format text lists what leads nowhere")
  }
}
