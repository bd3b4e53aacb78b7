// TableMeaning: what is mapped from an entry down, in a form that is equal where the same is mapped.

import GuestMem
import MMU

/// What is mapped below one entry; two that are equal map the same, whichever tables they stand in.
enum TableMeaning: Hashable, Sendable {
  /// Nothing.
  case nothing
  /// Every address, one page after the other, with the same facts; the first leads to `physical`.
  case pages(PageFacts, physical: UInt64)
  /// What the table with this number in a ``TableBook`` maps.
  case table(Int)
}

/// One of two sets of tables that are held against each other.
enum TableSide: Hashable, Sendable {
  case left, right
}

/// What an entry leads to on one side, and what the entries above it deny.
enum TablePlace: Hashable, Sendable {
  /// Nothing.
  case nothing
  /// Pages that follow each other from `physical` on.
  case pages(PageFacts, physical: UInt64)
  /// A table at an address, used at a level.
  case table(UInt64, Level, denied: PageFacts)

  init(_ meaning: TableMeaning, or place: TablePlace) {
    switch meaning {
    case .nothing: self = .nothing
    case .pages(let facts, let physical): self = .pages(facts, physical: physical)
    case .table: self = place
    }
  }
}

/// What of a leaf counts in a comparison.
struct FactFilter: Sendable {
  private let mask: PageFacts
  private let firstIndices: [UInt8]
  let ignoresAddress: Bool

  /// Memory types count by `pageAttributeTable`, rights over all levels.
  init(ignoring properties: RangeProperties, pageAttributeTable: UInt64) {
    var mask = PageFacts(rawValue: ~0).subtracting(.leafRights)
    let facts: [(RangeProperty, PageFacts)] = [
      (.writable, .writable), (.executable, .executable), (.user, .user),
      (.memoryType, .patIndices), (.global, .global), (.protectionKey, .key),
      (.pageSize, .sizes), (.softwareBits, .software), (.accessed, .accessed), (.dirty, .dirty),
    ]
    for (property, facts) in facts where properties.contains(property) { mask.subtract(facts) }
    self.mask = mask
    firstIndices = (0..<8).map { PageFacts.firstIndex(ofTypeAt: $0, in: pageAttributeTable) }
    ignoresAddress = properties.contains(.physicalAddress)
  }

  /// The facts of `leaf` below entries that deny `denied`.
  func facts(of leaf: PageTableEntry, denied: PageFacts) -> PageFacts {
    var facts = PageFacts(leaf).subtracting(denied)
    facts.subtract(.patIndices)
    facts.insert(
      PageFacts(rawValue: 1 << (PageFacts.patShift + UInt64(firstIndices[Int(leaf.patIndex)]))))
    return facts.intersection(mask)
  }

  /// Where the page `distance` bytes behind one that leads to `physical` leads.
  func address(_ physical: UInt64, plus distance: UInt64) -> UInt64 {
    ignoresAddress ? 0 : physical &+ distance
  }
}

extension PageFacts {
  /// The number of pages in `byteCount` bytes, 1 where their size is not among the facts.
  func leafCount(in byteCount: UInt64) -> UInt64 {
    let size = PageSize.allCases.first { contains(.size($0)) }
    return size.map { max(1, byteCount / $0.byteCount) } ?? 1
  }
}
