// kvmpt walk: one address of an image, through every level.

import ArgumentParser
import Inspection
import MMU

struct WalkCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "walk",
    abstract: "Follow an address through the tables of a memory image, level by level.",
    discussion: """
      \(ImageOptions.registers) The exit code is 0 when a page was found and 1 when none was.

      EXAMPLE:
        kvmpt walk guest.core 0xffff_ffff_8100_0000

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Argument(
    help: ArgumentHelp("Linear addresses.", valueName: "address"), transform: PastedNumber.address)
  var addresses: [NumberArgument]

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var types: MemoryTypeOptions

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let image = try OpenedImage.open(path: path, options: options, pat: types.givenPAT)
    let destination = try report.open()
    let styler = report.styler(for: destination)
    var foundAll = true
    var json = JSONWriter(to: destination)
    if format == .json {
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:walk:1")
      json.member("version", Version.current)
      json.member("image", path)
      json.member("cr3", hexadecimal: image.cr3)
      json.member(assumed: image.assumptions.words(of: image))
      json.key("walks")
      json.beginArray()
    }
    if format == .text { destination.write(ImageText.head(image, styler) + "\n") }
    for address in addresses {
      let walk = Walk(
        address.value, cr3: image.cr3, configuration: image.tables.configuration, in: image.memory)
      if walk.translation == nil { foundAll = false }
      let text = WalkText(walk: walk, styler: styler, pat: image.pat)
      switch format {
      case .text: destination.write(text.text)
      case .json:
        json.beginObject()
        text.write(to: &json)
        json.endObject()
      }
    }
    if format == .json {
      json.endArray()
      json.endObject()
    }
    try image.requireWhole()
    try destination.close()
    return foundAll ? .agreement : .disagreement
  }
}
