// ImageExpectation: what somebody meant the tables of an image to say.

import MMU

/// Mappings that the tables of an image should have: the asked side of their verification.
public struct ImageExpectation: Sendable {
  /// The mappings, which do not overlap, and what must hold besides; nothing else may be mapped.
  public var space: AddressSpace
  /// For each mapping the first physical address, or nil where that is not said.
  public var placements: [UInt64?]
  /// What the rights of the mappings mean.
  public var basis: AskedBasis
  /// What is said of each mapping, where that is less than a mapping says; nil where the mappings
  /// say it.
  public var ranges: [AskedRange]?

  /// Takes the parts as they are; there is a placement for each mapping.
  public init(
    space: AddressSpace, placements: [UInt64?], basis: AskedBasis = .effective,
    ranges: [AskedRange]? = nil
  ) {
    self.space = space
    self.placements = placements
    self.basis = basis
    self.ranges = ranges
  }

  /// What is asked for, in the order of addresses.
  func askedRanges(pageAttributeTable: UInt64) -> [AskedRange] {
    ranges
      ?? space.askedRanges(
        placements: placements, basis: basis, pageAttributeTable: pageAttributeTable)
  }

  /// The entries of a root of `level` below which something is expected at an end of a mapping.
  func rootIndices(of level: Level) -> Set<Int> {
    var indices: Set<Int> = []
    for mapping in space.mappings {
      let first = mapping.linearAddress.rawValue
      for address in [first, first &+ (mapping.byteCount &- 1)] {
        indices.insert(Int(address >> level.indexShift & 511))
      }
    }
    for expected in space.expectations {
      indices.insert(Int(expected.linearAddress >> level.indexShift & 511))
    }
    return indices
  }
}
