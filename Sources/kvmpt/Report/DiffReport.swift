// DiffReport: what came of comparing two sides, in their order.

import MMU
import Probe

/// The result of `kvmpt diff`.
struct DiffReport {
  /// What the two sides are.
  let first: String
  let second: String
  /// What was compared: the asked side first, which is the second one where ``isSwapped``.
  let comparison: RangeComparison
  let isSwapped: Bool
  /// What was not to be compared.
  let ignored: RangeProperties
  /// Ranges about which a side, "a" or "b", says nothing.
  let unsaid: [(side: String, range: AskedRange)]
  /// One side is an image, so that the ranges of the other one are counted alone.
  let isBesideImage: Bool
  /// What leads nowhere in the sides that are images, with why nothing is mapped where nothing is.
  var deadEnds: [(side: String, report: DeadEndReport, emptyRoot: String?)] = []

  /// The stable name of the kind of a difference.
  func kind(_ difference: RangeDifference) -> String {
    switch difference.kind {
    case .different: "changed"
    case .notMapped: isSwapped ? "added" : "removed"
    case .notAsked, .mustNotBeMapped: isSwapped ? "removed" : "added"
    case .askedTwice: "said-twice"
    }
  }

  /// What the first and the second side say.
  func sides(_ difference: RangeDifference) -> (first: String?, second: String?) {
    func words(_ page: PageStatement) -> String {
      page.words(in: comparison.pageAttributeTable, naming: difference.properties)
    }
    var asked: String?
    switch difference.asked?.content {
    case .mapped(let page): asked = words(page)
    case .recursive(let page): asked = "recursive slot, " + words(page)
    case .absent where difference.kind == .askedTwice: asked = "not mapped"
    case .unsaid where difference.kind == .askedTwice: asked = "nothing"
    default: asked = nil
    }
    var found = difference.found.map(words)
    if difference.kind == .askedTwice {
      found = found ?? "not mapped"
      return (asked, found)
    }
    return isSwapped ? (found, asked) : (asked, found)
  }

  /// How the pages of the side that is the second one in the comparison step.
  private func strideWords(_ difference: RangeDifference) -> String? {
    difference.stride.map {
      "\(isSwapped ? "a" : "b") steps by \(ByteCount($0.physical)) where"
        + " \(isSwapped ? "b" : "a") steps by \(ByteCount($0.linear)), \(grouped(Int(clamping: $0.count))) times"
    }
  }

  /// What some side does not say, or not all of it, with the number of ranges.
  var notCompared: [(property: RangeProperty, count: Int)] {
    // Ranges that a side leaves out have their own lines.
    let leftOut = isBesideImage ? unsaid.count : 0
    return RangeProperty.allCases.compactMap { property in
      let count = (comparison.notCompared[property] ?? 0) - leftOut
      return ignored.contains(property) || count <= 0 ? nil : (property, count)
    }
  }

  /// Writes lines.
  func writeText(to destination: ReportDestination, _ styler: TextStyler) {
    for difference in comparison.differences {
      let range = "\(HexadecimalNumber(difference.first)) to \(HexadecimalNumber(difference.last))"
      let (old, new) = sides(difference)
      let some = difference.isEveryPage ? "" : "some pages of the tables above again, "
      let line: (String, TextStyle)
      switch kind(difference) {
      case "removed": line = ("- \(range): \(some)\(old ?? "")", .red)
      case "added": line = ("+ \(range): \(some)\(new ?? "")", .green)
      case "said-twice": line = ("? \(range): said twice, \(old ?? "") and \(new ?? "")", .yellow)
      default:
        line = (
          "! \(range): \(some)\(old ?? "not mapped") -> \(new ?? "not mapped")"
            + (difference.properties.isEmpty ? "" : " (\(difference.properties.sentence))")
            + (strideWords(difference).map { "; \($0)" } ?? ""),
          .yellow
        )
      }
      destination.write(styler(line.0, line.1) + "\n")
    }
    if comparison.droppedCount > 0 {
      destination.write("and at least \(grouped(comparison.droppedCount)) more\n")
    }
    if let unfinished = comparison.unfinished {
      destination.write(
        "left off at \(HexadecimalNumber(unfinished.linearAddress)): \(unfinished.reason.message)\n"
      )
    }
    for (side, report, emptyRoot) in deadEnds {
      let root = emptyRoot.map { "\(side): \($0)" }
      for line in DeadEndText.lines(report, root, prefix: "leads nowhere in \(side): ") {
        destination.write(line + "\n")
      }
    }
    for (side, range) in unsaid {
      destination.write(
        "not compared: \(HexadecimalNumber(range.first)) to \(HexadecimalNumber(range.last)), which"
          + " \(side) leaves out\n")
    }
    for (property, count) in notCompared {
      destination.write("not compared: \(property.words), in \(counted(count, "range"))\n")
    }
    if !ignored.isEmpty { destination.write("not compared: \(ignored.sentence), by --ignore\n") }
    // Behind the last one that is kept, tables are not looked into for how many they have.
    let atLeast = comparison.droppedCount > 0 ? "at least " : ""
    destination.write("\(atLeast)\(counted(comparison.differenceCount, "difference"))\n")
  }

  /// Writes the document of the schema `diff:2`.
  func writeJSON(to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", "urn:kvmpt:schema:diff:2")
    json.member("version", Version.current)
    json.member("a", first)
    json.member("b", second)
    json.member("difference-count", comparison.differenceCount)
    json.key("differences")
    json.beginArray()
    for difference in comparison.differences { write(difference, to: &json) }
    json.endArray()
    json.key("not-compared")
    json.beginArray()
    for (property, count) in notCompared {
      json.beginObject()
      json.member("property", property.id)
      json.member("ranges", count)
      json.endObject()
    }
    json.endArray()
    json.key("unsaid")
    json.beginArray()
    for (side, range) in unsaid {
      json.beginObject()
      json.member("side", side)
      json.member("linear", hexadecimal: range.first)
      json.member("last", hexadecimal: range.last)
      json.endObject()
    }
    json.endArray()
    for (side, report, _) in deadEnds {
      json.key("tables-of-\(side)")
      json.beginObject()
      DeadEndText.write(report, to: &json)
      json.endObject()
    }
    write(ignored, "ignored", to: &json)
    if let unfinished = comparison.unfinished {
      json.key("unfinished")
      json.beginObject()
      json.member("linear", hexadecimal: unfinished.linearAddress)
      json.member("reason", unfinished.reason.rawValue)
      json.endObject()
    }
    json.endObject()
  }

  private func write(
    _ difference: RangeDifference, to json: inout JSONWriter<ReportDestination>
  ) {
    json.beginObject()
    json.member("kind", kind(difference))
    json.member("linear", hexadecimal: difference.first)
    json.member("last", hexadecimal: difference.last)
    json.member("every-page", difference.isEveryPage)
    write(difference.properties, "properties", to: &json)
    if let stride = difference.stride {
      json.key("stride")
      json.beginObject()
      json.member("linear", hexadecimal: stride.linear)
      json.member("physical", hexadecimal: stride.physical)
      json.member("count", Int(clamping: stride.count))
      json.endObject()
    }
    let (old, new) = sides(difference)
    if let old { json.member("a", old) }
    if let new { json.member("b", new) }
    json.endObject()
  }

  private func write(
    _ properties: RangeProperties, _ name: String, to json: inout JSONWriter<ReportDestination>
  ) {
    json.key(name)
    json.beginArray()
    for property in properties.properties { json.value(property.id) }
    json.endArray()
  }
}
