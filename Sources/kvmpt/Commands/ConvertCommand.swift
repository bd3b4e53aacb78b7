// kvmpt convert: an address-space file that asks for what the tables of an image say.

import ArgumentParser
import Inspection
import MMU
import Probe

struct ConvertCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write an address-space file that asks for what the tables of an image map.",
    discussion: """
      Each run of alike pages becomes a mapping with the rights that hold over all levels, its \
      memory type, page size, key, flags and software's bits, so that kvmpt diff finds no \
      difference between the image and the file. Memory lies where the image has it. Where physical \
      addresses lie outside of it they become a device. A root entry that leads to the root becomes a \
      recursive slot. The file can be edited, checked, verified and expected of images.

      \(ImageOptions.registers)

      EXAMPLES:
        kvmpt convert guest.core --output kernel.yaml
        kvmpt convert guest.core --ignore accessed,dirty --output expected.yaml
        kvmpt convert memory.bin --cr3 0x1000 | kvmpt verify -

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "The memory of the file (default: what the image has, and room for tables).",
      valueName: "size"))
  var memory: SizeArgument?

  @Option(
    name: .customLong("ignore"),
    help: ArgumentHelp(
      "Properties that the file does not say: accessed, dirty, or both with a comma.",
      valueName: "list"),
    transform: { try PropertyList(argument: $0, option: "--ignore") })
  var ignoredList: PropertyList?

  @OptionGroup var report: OutputOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var registers: RegisterOptions
  @OptionGroup var types: MemoryTypeOptions

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    let ignored = ignoredList?.properties ?? []
    for property in ignored.subtracting(ConvertedRunCollector.optional).properties {
      throw CommandFailure(
        OptionWithoutEffect(
          option: "--ignore", reason: "an address-space file always says \(property.words)",
          scope: ConvertedRunCollector.optional.names))
    }
    let image = try OpenedImage.open(
      path: path, options: options, registers: registers.values, pat: types.givenPAT)
    let recursiveEntry = RecursiveEntry(image)
    let runs = try ConvertedRunCollector.runs(
      of: image, ignoring: ignored, besides: recursiveEntry.slot)
    let limits = InputLimits.ofThisHost()
    let conversion = ImageConversion(
      image, runs: runs, recursiveEntry: recursiveEntry, memoryByteCount: memory?.byteCount,
      limit: limits.memoryByteCount)
    let problems = conversion.space.check()
    if let problem = problems.first {
      throw CommandFailure(
        .badInput, "\(quoted(path)) cannot be said by an address-space file: \(problem.message)",
        hint: "choose another size with --memory; \(problem.hint)")
    }
    let deadEnds = image.tables.deadEnds(in: image.memory)
    let emptyRoot = deadEnds.mapsPages ? nil : image.emptyRootReason()
    let text = AddressSpaceText(
      conversion.space, comments: conversion.comments + DeadEndText.lines(deadEnds, emptyRoot)
    ).text
    guard text.utf8.count <= limits.fileByteCount else {
      throw CommandFailure(
        .badInput,
        "\(quoted(path)) has \(counted(runs.count, "run", "runs")), more than an address-space"
          + " file holds",
        hint: "kvmpt verify proves the image itself, and kvmpt dump lists it")
    }
    try image.requireWhole()
    let destination = try report.open()
    destination.write(text)
    try destination.close()
    return deadEnds.isWhole ? .agreement : .unproved
  }
}

/// A size such as `64MiB` on the command line.
struct SizeArgument: ExpressibleByArgument, Sendable {
  let byteCount: UInt64

  init?(argument: String) {
    guard let number = try? NumberText.parse(argument, allowsUnit: true) else { return nil }
    byteCount = number
  }
}
