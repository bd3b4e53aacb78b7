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
      valueName: "address"))
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
    Interruption.install()
    let result = try compare(sides.0, sides.1)
    let destination = try report.open()
    switch format {
    case .text: result.writeText(to: destination, report.styler(for: destination))
    case .json: result.writeJSON(to: destination)
    }
    try destination.close()
    if result.comparison.differenceCount > 0 { return .disagreement }
    return result.comparison.unfinished == nil ? .agreement : .interrupted
  }

  private var ignored: RangeProperties { ignoredList?.properties ?? [] }

  /// Holds the sides against each other.
  private func compare(
    _ left: ComparedSide, _ right: ComparedSide
  ) throws(CommandFailure) -> DiffReport {
    let pat = types.pat.value
    switch (left.isImage, right.isImage) {
    case (true, true):
      let old = try image(first, options)
      let new = try image(second, secondOptions)
      let comparison = RangeComparison.between(
        old.tables, in: old.memory, and: new.tables, in: new.memory, pageAttributeTable: pat,
        ignoring: ignored, isCancelled: { Interruption.isRequested })
      try old.requireWhole()
      try new.requireWhole()
      return result(comparison)
    case (true, false):
      return try compare(right, second, "b", with: image(first, options), isSwapped: true)
    case (false, true):
      return try compare(left, first, "a", with: image(second, secondOptions), isSwapped: false)
    case (false, false):
      // The side that can tell how large pages are is read first.
      let isFirstListing = if case .listing(.tlb, _) = left { true } else { false }
      let old: [AskedRange]
      let new: [AskedRange]
      if isFirstListing {
        let other = try right.ranges(path: second, pageAttributeTable: pat)
        old = try left.ranges(path: first, pageAttributeTable: pat) { other.neighbour($0) }
        new = other
      } else {
        let other = try left.ranges(path: first, pageAttributeTable: pat)
        new = try right.ranges(path: second, pageAttributeTable: pat) { other.neighbour($0) }
        old = other
      }
      return result(
        .between(
          old.map { $0.without(ignored) }, and: new.map { $0.without(ignored) },
          pageAttributeTable: pat),
        unsaid: Self.unsaid(old, "a") + Self.unsaid(new, "b"))
    }
  }

  private func compare(
    _ side: ComparedSide, _ path: String, _ name: String, with image: consuming OpenedImage,
    isSwapped: Bool
  ) throws(CommandFailure) -> DiffReport {
    let pat = types.pat.value
    let image = image
    let ranges = try side.ranges(path: path, pageAttributeTable: pat) {
      image.tables.neighbour($0, in: image.memory)
    }
    let comparison = RangeComparison.between(
      ranges.map { $0.without(ignored) }, and: image.tables, in: image.memory,
      pageAttributeTable: pat, isCancelled: { Interruption.isRequested })
    try image.requireWhole()
    return result(
      comparison, isSwapped: isSwapped, unsaid: Self.unsaid(ranges, name), isBesideImage: true)
  }

  private func result(
    _ comparison: RangeComparison, isSwapped: Bool = false,
    unsaid: [(side: String, range: AskedRange)] = [], isBesideImage: Bool = false
  ) -> DiffReport {
    DiffReport(
      first: first, second: second, comparison: comparison, isSwapped: isSwapped,
      ignored: ignored, unsaid: unsaid, isBesideImage: isBesideImage)
  }

  private static func unsaid(
    _ ranges: [AskedRange], _ side: String
  ) -> [(side: String, range: AskedRange)] {
    ranges.filter { $0.content == .unsaid }.map { (side, $0) }
  }

  private func image(
    _ path: String, _ options: ImageOptions
  ) throws(CommandFailure) -> OpenedImage {
    try OpenedImage.open(path: path, options: options, pat: types.pat)
  }

  private var secondOptions: ImageOptions {
    var options = options
    if let secondCR3 { options.cr3 = secondCR3 }
    return options
  }

  /// Two address-space files name their types, and what is not compared needs no names.
  private func refusePAT(
    _ left: ComparedSide, _ right: ComparedSide
  ) throws(CommandFailure) {
    if !left.hasTypesByIndex && !right.hasTypesByIndex {
      try refuse(
        types.givenNames,
        because: "neither \(quoted(first)) nor \(quoted(second)) has entries with PAT, PCD and PWT",
        appliesTo: "memory images and listings")
    }
    if ignored.contains(.memoryType) {
      try refuse(
        types.givenNames, because: "with --ignore memory-type no memory types are compared",
        appliesTo: "comparisons of memory types")
    }
  }

  /// What a side never says is not compared anyhow.
  private func refuseIgnored(
    _ left: ComparedSide, _ right: ComparedSide
  ) throws(CommandFailure) {
    for (side, path) in [(left, first), (right, second)] {
      for property in ignored.intersection(side.unsaid).properties {
        throw CommandFailure(
          OptionWithoutEffect(
            option: "--ignore",
            reason: "\(side.words) in \(quoted(path)) does not say \(property.words)",
            scope: "properties that both sides say, which \(property.id) is not"))
      }
    }
  }

  /// Options about images need one, and those about one side need it to be an image.
  private func refuseWhatNoSideUses(
    isImage firstIsImage: Bool, secondIsImage: Bool
  ) throws(CommandFailure) {
    if !firstIsImage && !secondIsImage {
      try refuse(
        options.givenNames + given(["--cr3-b": secondCR3 != nil]),
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
}
