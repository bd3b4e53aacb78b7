// ListingWriter: writes a listing as it is made, without keeping it.

import MMU

/// Receives a listing and writes the items that pass the filter.
struct ListingWriter: ListingReceiver {
  /// What stands between items.
  enum Format { case text, jsonArray, jsonLines }

  let format: Format
  let form: ListingLine
  let filter: [FilterWord]
  let destination: ReportDestination
  private var line = LineBuffer()
  private(set) var runCount = 0
  private(set) var pageCount: UInt64 = 0
  private(set) var byteCount: UInt64 = 0
  private(set) var repetitionCount = 0
  /// What leads nowhere.
  private(set) var deadEnds = DeadEndReport()
  private(set) var deadEndCount = 0

  init(
    _ format: Format, _ form: ListingLine, filter: [FilterWord], to destination: ReportDestination
  ) {
    self.format = format
    self.form = form
    self.filter = filter
    self.destination = destination
  }

  /// How many items were written.
  var itemCount: Int { runCount + repetitionCount + deadEndCount }

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    deadEnds.note(item)
    switch item {
    case .run(let run):
      guard filter.allSatisfy({ $0.holds(for: run, pat: form.pat) }) else { return .goOn }
      pageCount &+= run.pageCount
      byteCount &+= run.byteCount
      beginItem()
      runCount += 1
    case .repetition:
      beginItem()
      repetitionCount += 1
    case .deadEnd:
      beginItem()
      deadEndCount += 1
    }
    switch format {
    case .text: form.writeText(item, to: &line)
    case .jsonArray: form.writeJSON(item, to: &line)
    case .jsonLines:
      form.writeJSON(item, to: &line)
      line.append("\n")
    }
    line.drain(to: destination)
    return Interruption.isRequested ? .stop : .goOn
  }

  private mutating func beginItem() {
    guard format == .jsonArray else { return }
    line.append(itemCount == 0 ? "\n    " : ",\n    ")
  }

  mutating func finish() { line.drain(to: destination, atLeast: 0) }
}
