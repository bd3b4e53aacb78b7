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
      'info tlb' or Linux's ptdump as text. Every property is compared: where pages lead, their \
      rights over all levels (beside a listing those of the leaves, which it shows), memory type, \
      G, protection key, size, software's bits, A and D. What a side does not say is not compared, \
      which the report says. The exit code is 1 when something differs.

      EXAMPLES:
        kvmpt diff before.core after.core
        kvmpt diff before.core after.core --ignore accessed,dirty
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
      valueName: "address"), transform: PastedNumber.address)
  var secondCR3: NumberArgument?

  @Option(
    name: .customLong("ignore"),
    help: ArgumentHelp(
      "Properties that are not compared, separated by commas: physical, write, execute, user, "
        + "memory-type, global, key, page, software-bits, accessed, dirty.", valueName: "list"),
    transform: { try PropertyList(argument: $0, option: "--ignore") })
  var ignoredList: PropertyList?

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var types: MemoryTypeOptions

  var namedFiles: CommandFiles {
    CommandFiles(read: [first, second], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let sides = (try ComparedSide.of(first), try ComparedSide.of(second))
    try refuseWhatNoSideUses(isImage: sides.0.isImage, secondIsImage: sides.1.isImage)
    try refusePAT(sides.0, sides.1)
    try refuseIgnored(sides.0, sides.1)
    let result = try compare(sides.0, sides.1)
    let destination = try report.open()
    switch format {
    case .text: result.writeText(to: destination, report.styler(for: destination))
    case .json: result.writeJSON(to: destination)
    }
    try destination.close()
    if result.comparison.differenceCount > 0 { return .disagreement }
    if result.comparison.unfinished != nil { return .interrupted }
    return result.deadEnds.allSatisfy(\.report.isWhole) ? .agreement : .unproved
  }
}
