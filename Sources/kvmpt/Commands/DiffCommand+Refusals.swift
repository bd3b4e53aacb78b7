// The options of kvmpt diff that can have no effect on the two sides at hand.

import Probe

extension DiffCommand {
  /// Two address-space files name their types, and what is not compared needs no names.
  func refusePAT(
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
  func refuseIgnored(
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
  func refuseWhatNoSideUses(
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
