// kvmpt stats: what the tables of an image cost, and what could be spared.

import ArgumentParser
import Inspection
import MMU
import Probe

struct StatsCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count the tables and pages of a memory image, and what could be spared.",
    discussion: """
      EXAMPLE:
        kvmpt stats guest.core

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let image = try OpenedImage.open(path: path, options: options)
    let statistics = image.tables.census(in: image.memory)
    let deadEnds = image.tables.deadEnds(in: image.memory)
    let emptyRoot = deadEnds.mapsPages ? nil : image.emptyRootReason()
    let destination = try report.open()
    let numbers = Self.numbers(statistics)
    switch format {
    case .text:
      let styler = report.styler(for: destination)
      destination.write(ImageText.head(image, styler))
      var table = TextTable([("", .left), ("", .right)])
      for (_, words, number) in numbers { table.append([.init(words), .init(grouped(number))]) }
      destination.write(table.rendered(styler: styler))
      for line in DeadEndText.lines(deadEnds, emptyRoot) { destination.write(line + "\n") }
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:stats:1")
      json.member("version", Version.current)
      json.member("image", path)
      json.member("cr3", hexadecimal: image.cr3)
      json.member(assumed: image.assumptions.words(of: image))
      for (key, _, number) in numbers { json.member(key, number) }
      DeadEndText.write(deadEnds, to: &json)
      json.endObject()
    }
    try image.requireWhole()
    try destination.close()
    return deadEnds.isWhole ? .agreement : .unproved
  }

  /// The key, the words and the value of each line.
  private static func numbers(_ statistics: TableCensus) -> [(String, String, Int)] {
    var numbers = [
      ("tables", "tables", statistics.tableCount),
      ("table-bytes", "bytes of tables", statistics.byteCount),
    ]
    for level in Level.allCases.reversed() {
      let name = level.abbreviation
      numbers.append(
        ("\(name.lowercased())-tables", "\(name)s", statistics.tableCounts[level] ?? 0))
    }
    numbers += [
      ("present-entries", "present entries", statistics.presentCount),
      ("empty-slots", "empty slots", statistics.emptySlotCount),
      ("other-entries", "entries not present but not 0", statistics.notPresentCount),
      ("empty-tables", "tables without an entry", statistics.emptyTableCount),
      ("shared-uses", "further uses of shared tables", statistics.sharedUseCount),
    ]
    for size in PageSize.allCases {
      numbers.append(
        ("leaves-\(size.label)", "leaves of \(size.label)", statistics.leafCounts[size] ?? 0))
    }
    for size in [PageSize.size2MiB, .size1GiB] {
      numbers.append(
        (
          "replaceable-by-\(size.label)", "tables that one page of \(size.label) could replace",
          statistics.replaceableCounts[size] ?? 0
        ))
    }
    return numbers
  }
}
