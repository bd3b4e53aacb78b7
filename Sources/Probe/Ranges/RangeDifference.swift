// RangeDifference: a range about which two sides differ, and how.

public import MMU

/// How two sides differ about a range.
public enum RangeDifferenceKind: String, CaseIterable, Hashable, Sendable {
  /// It was asked for, and is not mapped.
  case notMapped = "not-mapped"
  /// It is mapped, and nobody asked for it.
  case notAsked = "not-asked"
  /// It is mapped, and was asked to be unmapped.
  case mustNotBeMapped = "must-not-be-mapped"
  /// It is mapped otherwise than was asked for.
  case different
  /// It was asked for twice, in different ways.
  case askedTwice = "asked-twice"
}

/// Neighbouring pages about which two sides differ in the same way.
public struct RangeDifference: Hashable, Sendable {
  /// How they differ.
  public let kind: RangeDifferenceKind
  /// The first linear address.
  public let first: UInt64
  /// The last linear address.
  public internal(set) var last: UInt64
  /// What was asked for, or the first side of two; nil where nobody asked for anything.
  public let asked: AskedRange?
  /// What is there, or the second side of two; nil where nothing is.
  ///
  /// Where pages differ among themselves a property is not said.
  public let found: PageStatement?
  /// The properties that differ.
  public let properties: RangeProperties
  /// Every page of the range differs; otherwise at least one does, in tables that were looked into
  /// at another address.
  public let isEveryPage: Bool
  /// The number of leaves that are there.
  public internal(set) var leafCount: UInt64
  /// The entry that maps the first page, or the one where the walk to it ends.
  public internal(set) var step: WalkStep?
  /// How the physical addresses step from range to range, where that is the difference.
  public internal(set) var stride: RangeStride?

  init(
    _ kind: RangeDifferenceKind, first: UInt64, last: UInt64, asked: AskedRange?,
    found: PageStatement? = nil, properties: RangeProperties = [], isEveryPage: Bool = true,
    leafCount: UInt64 = 0
  ) {
    self.kind = kind
    self.first = first
    self.last = last
    self.asked = asked
    self.found = found
    self.properties = properties
    self.isEveryPage = isEveryPage
    self.leafCount = leafCount
  }

  /// Takes in `next` when it is the same difference at the following addresses.
  mutating func append(_ next: RangeDifference) -> Bool {
    if stride != nil { return appendStep(next) }
    guard last < .max, next.first == last + 1, kind == next.kind, properties == next.properties,
      isEveryPage == next.isEveryPage, asked?.mapping == next.asked?.mapping,
      (asked == nil) == (next.asked == nil), (found == nil) == (next.found == nil)
    else { return false }
    let distance = next.first &- first
    if let asked, let other = next.asked {
      guard asked.part(other.first, other.last).content == other.content else { return false }
    }
    if let found, let other = next.found {
      guard found.moved(by: distance) == other else { return false }
    }
    last = next.last
    leafCount &+= next.leafCount
    return true
  }
}

extension PageStatement {
  /// What is said of the pages `distance` bytes further on.
  func moved(by distance: UInt64) -> PageStatement {
    var moved = self
    moved.physicalAddress = physicalAddress.map { $0 &+ distance }
    return moved
  }
}
