// Holding the two sides of kvmpt diff against each other.

import GuestMem
import Inspection
import MMU
import Probe

extension DiffCommand {
  var ignored: RangeProperties { ignoredList?.properties ?? [] }

  /// Holds the sides against each other.
  func compare(
    _ left: ComparedSide, _ right: ComparedSide
  ) throws(CommandFailure) -> DiffReport {
    let pat = types.pat.value
    switch (left.isImage, right.isImage) {
    case (true, true):
      let old = try image(first, options)
      let new = try image(second, secondOptions)
      Interruption.install()
      let comparison = RangeComparison.between(
        old.tables, in: old.memory, and: new.tables, in: new.memory, pageAttributeTable: pat,
        ignoring: ignored, isCancelled: { Interruption.isRequested })
      try old.requireWhole()
      var report = result(comparison)
      report.deadEnds = [Self.deadEnds("a", old), Self.deadEnds("b", new)]
      try new.requireWhole()
      return report
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
    Interruption.install()
    let comparison = RangeComparison.between(
      ranges.map { $0.without(ignored) }, and: image.tables, in: image.memory,
      pageAttributeTable: pat, isCancelled: { Interruption.isRequested })
    var report = result(
      comparison, isSwapped: isSwapped, unsaid: Self.unsaid(ranges, name), isBesideImage: true)
    report.deadEnds = [Self.deadEnds(name == "a" ? "b" : "a", image)]
    try image.requireWhole()
    return report
  }

  private static func deadEnds(
    _ side: String, _ image: borrowing OpenedImage
  ) -> (side: String, report: DeadEndReport, emptyRoot: String?) {
    let report = image.tables.deadEnds(in: image.memory)
    return (side, report, report.mapsPages ? nil : image.emptyRootReason())
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
    try OpenedImage.open(path: path, options: options, pat: types.givenPAT)
  }

  private var secondOptions: ImageOptions {
    var options = options
    if let secondCR3 { options.cr3 = secondCR3 }
    return options
  }
}
