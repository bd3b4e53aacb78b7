// How two sides differ about a range, in words.

import GuestMem
import MMU

extension RangeDifference {
  /// What was asked for and what is there; memory types have their names by `pageAttributeTable`.
  public func message(in pageAttributeTable: UInt64) -> String {
    let wanted = asked?.page?.words(in: pageAttributeTable) ?? "nothing"
    let there = found?.words(in: pageAttributeTable) ?? "nothing"
    return switch kind {
    case .notMapped: "nothing is mapped instead of \(wanted)"
    case .notAsked: "\(there) is mapped\(places), and nobody asked for it"
    case .mustNotBeMapped: "\(there) is mapped\(places) where nothing may be"
    case .different: differences(in: pageAttributeTable).joined(separator: "; ")
    case .askedTwice: "it is asked for twice, as \(wanted) and as \(there)"
    }
  }

  /// Where in the range, if not everywhere.
  private var places: String { isEveryPage ? "" : " in a part of it" }

  private func differences(in pageAttributeTable: UInt64) -> [String] {
    var texts =
      (strideWords.map { [$0] } ?? [])
      + properties.properties.map { property -> String in
        let verb = property == .softwareBits ? "are" : "is"
        let wanted = asked?.page?.words(property, in: pageAttributeTable) ?? "unsaid"
        guard let value = found?.words(property, in: pageAttributeTable) else {
          return "\(property.words) \(verb) not \(wanted) everywhere"
        }
        let place = stride == nil ? "" : " at the first"
        return "\(property.words) \(verb) \(value) instead of \(wanted)\(place)"
      }
    if !isEveryPage {
      texts.append(
        properties.isEmpty ? "a part of the range is not mapped" : "not every page is so")
    }
    return texts
  }
}

extension AskedRange {
  /// What is said of the pages; nil where nothing is, or where none may be.
  public var page: PageStatement? {
    switch content {
    case .mapped(let page), .recursive(let page): page
    case .absent, .unsaid: nil
    }
  }
}
