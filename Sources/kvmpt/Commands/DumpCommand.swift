// kvmpt dump: every mapping of somebody else's tables, with what it really allows.

import ArgumentParser
import Inspection
import MMU

struct DumpCommand: ReportingCommand {
  /// The formats of a listing.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json, jsonl
    /// One line for each page with the leaf's own bits, as QEMU's `info tlb` writes it.
    case tlb
  }

  /// What to do with tables that are used more than once.
  enum Sharing: String, ExpressibleByArgument, CaseIterable {
    case auto, once, expand

    var policy: SharedTablePolicy {
      switch self {
      case .auto: .automatic
      case .once: .once
      case .expand: .expand
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "List the mappings in a memory image, with their effective rights.",
    discussion: """
      One line for each run of pages that are contiguous in linear and physical addresses and \
      alike. Rights are those of CPL 0 and CPL 3 over all levels; where an entry above the leaf \
      takes a right away, both are shown and the entry is named. A and D are in upper case where \
      all pages of a run have them, in lower case where some do.

      \(ImageOptions.registers)

      EXAMPLES:
        kvmpt dump guest.core --filter w,x
        kvmpt dump memory.bin --base 0x100000 --cr3 0x2a10000 --format jsonl

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Option(name: .customLong("filter"), help: FilterArgument.help)
  var filters: [FilterArgument] = []

  @Flag(help: "Show the tables themselves instead of the mappings.")
  var tree = false

  @Option(
    help: ArgumentHelp(
      "Tables used more than once: expand them, list them once, or decide by their number (auto)."
        + " (default: auto)", valueName: "how"))
  var shared: Sharing?

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var registers: RegisterOptions
  @OptionGroup var types: MemoryTypeOptions

  func validate() throws {
    if tree && format != .text { throw ValidationError("--tree is text: leave --format out") }
  }

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    try refuseWhatTheFormatIgnores()
    let image = try OpenedImage.open(
      path: path, options: options, registers: registers.values, pat: types.givenPAT)
    if format == .tlb { try requirePages(image) }
    let destination = try report.open()
    let styler = report.styler(for: destination)
    let words = filters.flatMap(\.words)
    let deadEnds: DeadEndReport
    if tree || format == .tlb {
      deadEnds = image.tables.deadEnds(in: image.memory)
      if tree {
        TableTree.write(image, to: destination, styler)
        if !deadEnds.mapsPages { destination.write(image.emptyRootReason() + "\n") }
      } else {
        writeTLB(image, words, to: destination)
      }
    } else {
      deadEnds = write(image, words, to: destination, styler)
    }
    try image.requireWhole()
    try destination.close()
    if format == .tlb && !deadEnds.isWhole { throw Self.silence(deadEnds, image) }
    return deadEnds.isWhole ? .agreement : .unproved
  }

  /// The tables themselves and the leaves' own bits are shown as they are: neither what a processor
  /// makes of them nor the names of memory types.
  private func refuseWhatTheFormatIgnores() throws(CommandFailure) {
    guard tree || format == .tlb else { return }
    let form = tree ? "--tree" : "--format tlb"
    try refuse(
      registers.givenNames, because: "\(form) shows entries and no effective rights",
      appliesTo: "--format text, json and jsonl")
    try refuse(
      given(["--shared": shared != nil]),
      because: tree ? "--tree shows each table once" : "--format tlb has a line for each page",
      appliesTo: "--format text, json and jsonl")
    if tree {
      try refuse(
        given(["--filter": !filters.isEmpty]), because: "--tree shows all tables",
        appliesTo: "listings of mappings, which are shown without --tree")
    }
    let namesTypes = !tree && filters.flatMap(\.words).contains(where: \.isAboutMemoryType)
    try refuse(
      namesTypes ? [] : types.givenNames, because: "\(form) names no memory types",
      appliesTo: "--format text, json and jsonl, and to a --filter with a memory type")
  }

  /// Writes the listing, and says what leads nowhere.
  private func write(
    _ image: borrowing OpenedImage, _ words: [FilterWord], to destination: ReportDestination,
    _ styler: TextStyler
  ) -> DeadEndReport {
    let form = ListingLine(image)
    switch format {
    case .json: writeHead(image, to: destination)
    case .text:
      destination.write(ImageText.head(image, styler))
      destination.write(styler(ListingLine.titles, .dim))
    case .jsonl, .tlb: break
    }
    let kind: ListingWriter.Format =
      format == .json ? .jsonArray : format == .jsonl ? .jsonLines : .text
    var writer = ListingWriter(kind, form, filter: words, to: destination)
    image.tables.list(in: image.memory, shared: (shared ?? .auto).policy, to: &writer)
    writer.finish()
    switch format {
    case .json:
      destination.write(writer.itemCount == 0 ? "],\n" : "\n  ],\n")
      if !writer.deadEnds.mapsPages {
        let reason = JSONWriter<String>.escaped(image.emptyRootReason())
        destination.write("  \"empty-root\": \(reason),\n")
      }
      destination.write(
        "  \"pages\": \(writer.pageCount),\n  \"bytes\": \"0x\(String(writer.byteCount, radix: 16))\"\n}\n"
      )
    case .text:
      destination.write(
        "\(counted(writer.runCount, "run")), \(counted(Int(clamping: writer.pageCount), "page")), "
          + "\(ByteCountText.text(writer.byteCount))"
          + (writer.repetitionCount > 0
            ? "; \(counted(writer.repetitionCount, "repetition")) by shared tables" : "")
          + (writer.deadEndCount > 0
            ? "; \(counted(writer.deadEndCount, "range leads", "ranges lead")) nowhere" : "") + "\n"
      )
      if !writer.deadEnds.mapsPages { destination.write(image.emptyRootReason() + "\n") }
    case .jsonl, .tlb: break
    }
    return writer.deadEnds
  }

  private func writeHead(_ image: borrowing OpenedImage, to destination: ReportDestination) {
    destination.write("{\n  \"schema\": \"urn:kvmpt:schema:dump:1\",\n")
    destination.write("  \"version\": \(JSONWriter<String>.escaped(Version.current)),\n")
    destination.write("  \"image\": \(JSONWriter<String>.escaped(image.path)),\n")
    destination.write("  \"cr3\": \"0x\(String(image.cr3, radix: 16))\",\n")
    destination.write("  \"levels\": \(image.tables.configuration.rootLevel.rawValue),\n")
    let assumed = image.assumptions.words(of: image).map { JSONWriter<String>.escaped($0) }
    destination.write("  \"assumed\": [\(assumed.joined(separator: ", "))],\n")
    destination.write("  \"mappings\": [")
  }
}
