// RangeComparisonJSON: what was asked for, held whole against the tables, for programs.

import MMU
import Probe

/// Writes a comparison as member `ranges`.
struct RangeComparisonJSON {
  let comparison: RangeComparison
  let space: AddressSpace

  /// Null where nobody asked for anything.
  static func write(
    _ report: any ProofReport, _ space: AddressSpace,
    to json: inout JSONWriter<ReportDestination>
  ) {
    json.key("ranges")
    guard let comparison = report.comparison else { return json.null() }
    RangeComparisonJSON(comparison: comparison, space: space).write(to: &json)
  }

  private func write(to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("asked", comparison.askedCount)
    json.member("differing", comparison.differenceCount)
    json.member("dropped", comparison.droppedCount)
    json.member("page-attribute-table", hexadecimal: comparison.pageAttributeTable)
    json.key("not-compared")
    json.beginObject()
    for property in RangeProperty.allCases {
      if let count = comparison.notCompared[property] { json.member(property.id, count) }
    }
    json.endObject()
    json.key("unfinished")
    if let unfinished = comparison.unfinished {
      json.beginObject()
      json.member("linear", hexadecimal: unfinished.linearAddress)
      json.member("ranges", unfinished.rangeCount)
      json.member("reason", unfinished.reason.rawValue)
      json.endObject()
    } else {
      json.null()
    }
    json.key("differences")
    json.beginArray()
    for difference in comparison.differences { write(difference, to: &json) }
    json.endArray()
    json.endObject()
  }

  private func write(
    _ difference: RangeDifference, to json: inout JSONWriter<ReportDestination>
  ) {
    let pat = comparison.pageAttributeTable
    let text = RangeDifferenceText(difference: difference, comparison: comparison, space: space)
    json.beginObject()
    json.member("kind", difference.kind.rawValue)
    json.member("linear", hexadecimal: difference.first)
    json.member("last", hexadecimal: difference.last)
    if let mapping = text.mapping { json.member("mapping", mapping.name) }
    json.key("properties")
    json.beginArray()
    for property in difference.properties.properties { json.value(property.id) }
    json.endArray()
    if let page = difference.asked?.page { json.member("asked", page.words(in: pat)) }
    if let found = difference.found { json.member("found", found.words(in: pat)) }
    json.member("every-page", difference.isEveryPage)
    if let stride = difference.stride {
      json.key("stride")
      json.beginObject()
      json.member("linear", hexadecimal: stride.linear)
      json.member("physical", hexadecimal: stride.physical)
      json.member("count", Int(clamping: stride.count))
      json.endObject()
    }
    json.member("leaves", Int(clamping: difference.leafCount))
    if let step = difference.step {
      json.member("level", Int(step.level.rawValue))
      json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
      json.member("entry", hexadecimal: step.entry.rawValue)
    }
    json.member("message", difference.message(in: pat))
    json.endObject()
  }
}
