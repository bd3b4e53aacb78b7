// kvmpt aliases: memory that is reached through more than one linear address.

import ArgumentParser
import Inspection
import MMU
import Probe

struct AliasesCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "aliases",
    abstract: "List memory of an image that is mapped more than once, with the rights of each way.",
    discussion: """
      Each run that shares memory with one listed earlier is shown with one such run. A guard is up \
      to 16 pages that are left out below others, as below a stack: it is listed where the memory \
      that would follow there is mapped elsewhere, together with that of the pages above.

      EXAMPLE:
        kvmpt aliases guest.core

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: OutputOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var registers: RegisterOptions

  /// Two ways to the same memory.
  private struct Pair {
    let physical: UInt64
    let byteCount: UInt64
    let runs: [MappedRun]

    func linear(_ run: MappedRun) -> UInt64 {
      run.linearAddress &+ (physical - run.physicalAddress.rawValue)
    }
  }

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    let image = try OpenedImage.open(
      path: path, options: options, registers: registers.values)
    let all = try RunCollector.runs(of: image)
    let pairs = Self.pairs(all)
    let guards = GuardPage.list(all)
    let deadEnds = image.tables.deadEnds(in: image.memory)
    let destination = try report.open()
    func rights(_ run: MappedRun) -> String {
      "\(run.effectiveRights(mode: image.mode(at: .supervisor)))|"
        + "\(run.effectiveRights(mode: image.mode(at: .user)))"
    }
    switch format {
    case .text:
      for pair in pairs {
        destination.write(
          "\(HexadecimalNumber(pair.physical)), \(ByteCount(pair.byteCount)): "
            + pair.runs.map { "\(HexadecimalNumber(pair.linear($0))) \(rights($0))" }
            .joined(separator: " and ") + "\n")
      }
      for page in guards {
        destination.write(
          "guard \(HexadecimalNumber(page.linear)), not mapped below"
            + " \(HexadecimalNumber(page.pageAbove)): the memory before,"
            + " \(HexadecimalNumber(page.physical)), is mapped at"
            + " \(HexadecimalNumber(page.otherLinear)) \(rights(page.other))\n")
      }
      let emptyRoot = deadEnds.mapsPages ? nil : image.emptyRootReason()
      for line in DeadEndText.lines(deadEnds, emptyRoot) { destination.write(line + "\n") }
      destination.write(
        counted(pairs.count, "alias", "aliases")
          + (guards.isEmpty ? "" : ", \(counted(guards.count, "guard")) mapped elsewhere") + "\n")
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:aliases:1")
      json.member("version", Version.current)
      json.member("image", path)
      json.member("cr3", hexadecimal: image.cr3)
      json.member(assumed: image.assumptions.words(of: image))
      json.key("aliases")
      json.beginArray()
      for pair in pairs {
        json.beginObject()
        json.member("physical", hexadecimal: pair.physical)
        json.member("bytes", hexadecimal: pair.byteCount)
        json.key("ways")
        json.beginArray()
        for run in pair.runs {
          json.beginObject()
          json.member("linear", hexadecimal: pair.linear(run))
          json.member("rights", rights(run))
          json.endObject()
        }
        json.endArray()
        json.endObject()
      }
      json.endArray()
      json.key("guards")
      json.beginArray()
      for page in guards {
        json.beginObject()
        json.member("linear", hexadecimal: page.linear)
        json.member("page-above", hexadecimal: page.pageAbove)
        json.member("physical", hexadecimal: page.physical)
        json.member("mapped-at", hexadecimal: page.otherLinear)
        json.member("rights", rights(page.other))
        json.endObject()
      }
      json.endArray()
      DeadEndText.write(deadEnds, to: &json)
      json.endObject()
    }
    try image.requireWhole()
    try destination.close()
    return deadEnds.isWhole ? .agreement : .unproved
  }

  /// For each run, the overlap with the run before it that ends last.
  ///
  /// - Complexity: O(n log n).
  private static func pairs(_ runs: [MappedRun]) -> [Pair] {
    let sorted = runs.sorted {
      ($0.physicalAddress, $0.linearAddress) < ($1.physicalAddress, $1.linearAddress)
    }
    var pairs: [Pair] = []
    var widest: MappedRun?
    for run in sorted {
      let start = run.physicalAddress.rawValue
      let end = start &+ run.byteCount
      if let before = widest {
        let other = before.physicalAddress.rawValue &+ before.byteCount
        if other > start {
          pairs.append(
            Pair(physical: start, byteCount: min(end, other) - start, runs: [before, run]))
        }
        if other >= end { continue }
      }
      widest = run
    }
    return pairs
  }
}
