// kvmpt diff: what two sets of tables say differently.

import ArgumentParser
import GuestMem
import MMU
import Probe

struct DiffCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare the mappings of two images, or of an image and what was meant.",
    discussion: """
      Each side is a memory image, an address-space file (.yaml, .yml or .json), QEMU's \
      'info tlb' or Linux's ptdump as text. What a side does not say is not compared. The exit \
      code is 1 when something differs.

      EXAMPLES:
        kvmpt diff before.core after.core
        kvmpt diff guest.core info-tlb.txt

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp("The first side.", valueName: "a"))
  var first: String

  @Argument(help: ArgumentHelp("The second side.", valueName: "b"))
  var second: String

  @Option(
    name: .customLong("cr3-b"),
    help: ArgumentHelp(
      "The root of the second image's tables, where --cr3 is the first one's.",
      valueName: "address"))
  var secondCR3: NumberArgument?

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var types: MemoryTypeOptions

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    var secondOptions = options
    if let secondCR3 { secondOptions.cr3 = secondCR3 }
    let firstText = try ComparedSide.text(of: first)
    let secondText = try ComparedSide.text(of: second)
    try refuseWhatNoSideUses(
      isImage: firstText == nil && !ComparedSide.isAddressSpace(first),
      secondIsImage: secondText == nil && !ComparedSide.isAddressSpace(second))
    let isLeaf = firstText?.basis == .leaf || secondText?.basis == .leaf
    let basis: RightsBasis = isLeaf ? .leaf : .effective
    let old = try stretches(firstText, first, basis, options)
    let new = try stretches(secondText, second, basis, secondOptions)
    let differences = MappingDifference.between(old, new)
    let destination = try report.open()
    switch format {
    case .text: write(differences, to: destination, report.styler(for: destination))
    case .json: writeJSON(differences, to: destination)
    }
    try destination.close()
    return differences.isEmpty ? .agreement : .disagreement
  }

  /// Options about images need one, and those about one side need it to be an image.
  private func refuseWhatNoSideUses(
    isImage firstIsImage: Bool, secondIsImage: Bool
  ) throws(CommandFailure) {
    if !firstIsImage && !secondIsImage {
      try refuse(
        options.givenNames + types.givenNames + given(["--cr3-b": secondCR3 != nil]),
        because: "neither \(quoted(first)) nor \(quoted(second)) is a memory image",
        appliesTo: "memory images")
    }
    if !secondIsImage {
      try refuse(
        given(["--cr3-b": secondCR3 != nil]), because: "\(quoted(second)) is no memory image",
        appliesTo: "a second side that is a memory image")
    }
    if !firstIsImage && secondCR3 != nil {
      try refuse(
        given(["--cr3": options.cr3 != nil]),
        because: "\(quoted(first)) is no memory image, and --cr3-b is the root of the other one",
        appliesTo: "sides that are memory images")
    }
  }

  private func stretches(
    _ text: ListingText?, _ path: String, _ basis: RightsBasis, _ options: ImageOptions
  ) throws(CommandFailure) -> [Stretch] {
    if let text { return text.stretches }
    return try ComparedSide.stretches(path, basis, options, types.pat)
  }

  private func write(
    _ differences: [MappingDifference], to destination: ReportDestination, _ styler: TextStyler
  ) {
    func range(_ stretch: Stretch) -> String {
      "\(HexadecimalNumber(stretch.first)) to \(HexadecimalNumber(stretch.last))"
    }
    for difference in differences {
      switch difference {
      case .removed(let old):
        destination.write(styler("- \(range(old)): \(old.words)", .red) + "\n")
      case .added(let new):
        destination.write(styler("+ \(range(new)): \(new.words)", .green) + "\n")
      case .changed(let old, let new):
        destination.write(
          styler("! \(range(old)): \(old.words) -> \(new.words)", .yellow) + "\n")
      }
    }
    destination.write("\(counted(differences.count, "difference"))\n")
  }

  private func writeJSON(_ differences: [MappingDifference], to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:diff:1")
    json.member("version", Version.current)
    json.member("a", first)
    json.member("b", second)
    json.key("differences")
    json.beginArray()
    for difference in differences {
      json.beginObject()
      json.member("kind", difference.kind)
      switch difference {
      case .removed(let old): write(old, nil, to: &json)
      case .added(let new): write(nil, new, to: &json)
      case .changed(let old, let new): write(old, new, to: &json)
      }
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  private func write(
    _ old: Stretch?, _ new: Stretch?, to json: inout JSONWriter<ReportDestination>
  ) {
    if let range = old ?? new {
      json.member("linear", hexadecimal: range.first)
      json.member("last", hexadecimal: range.last)
    }
    if let old { json.member("a", old.words) }
    if let new { json.member("b", new.words) }
  }
}
