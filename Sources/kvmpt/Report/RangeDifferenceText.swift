// RangeDifferenceText: what was asked for and the tables do not say, for people.

import MMU
import Probe

/// A difference between what was asked for and the tables as lines of text.
struct RangeDifferenceText {
  let difference: RangeDifference
  let comparison: RangeComparison
  let space: AddressSpace

  /// The range, what it belongs to, and how it differs, in one line.
  var sentence: String {
    "\(HexadecimalNumber(difference.first)) to \(HexadecimalNumber(difference.last)): "
      + (mapping.map { "mapping \(quoted($0.name)): " } ?? "")
      + (difference.asked?.isRecursive == true ? "recursive slot: " : "")
      + difference.message(in: comparison.pageAttributeTable)
  }

  /// The sentence and the entry that says so.
  var text: String {
    var text = sentence + "\n"
    if let step = difference.step {
      text +=
        "    entry     \(step.place): \(HexadecimalNumber(step.entry.rawValue))"
        + " \(EntryBitsText.text(step.entry))\n"
    }
    return text
  }

  /// The mapping that asks for the range.
  var mapping: Mapping? {
    guard let index = difference.asked?.mapping, space.mappings.indices.contains(index) else {
      return nil
    }
    return space.mappings[index]
  }
}

/// What a comparison of ranges came to, in lines.
struct RangeComparisonText {
  let comparison: RangeComparison
  let space: AddressSpace

  /// Texts of the first differences.
  func differences(_ count: Int) -> [String] {
    comparison.differences.prefix(count).map {
      RangeDifferenceText(difference: $0, comparison: comparison, space: space).text
    }
  }

  /// The same about one mapping.
  func differences(_ count: Int, ofMapping index: Int) -> [String] {
    comparison.differences.lazy.filter { $0.asked?.mapping == index }.prefix(count).map {
      RangeDifferenceText(difference: $0, comparison: comparison, space: space).text
    }
  }

  /// How much was compared.
  var extent: String {
    var text = "\(counted(comparison.askedCount, "asked range")) compared whole with the tables"
    if let unfinished = comparison.unfinished {
      text =
        "\(counted(comparison.askedCount, "asked range")) compared with the tables up to"
        + " \(HexadecimalNumber(unfinished.linearAddress)), then"
        + " \(unfinished.reason.message), with \(counted(unfinished.rangeCount, "range")) left"
    }
    return text
  }

  /// What nobody says, and how often; nil where everything is said.
  var notCompared: String? {
    let parts = RangeProperty.allCases.compactMap { property in
      comparison.notCompared[property].map {
        "\(property.words) of \(counted($0, "range"))"
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The lines of a report.
  var lines: [String] {
    ["ranges: \(extent)"]
      + (notCompared.map { ["not compared, because nobody says it: \($0)"] } ?? [])
  }
}
