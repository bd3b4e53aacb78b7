// ImageExpectation: what somebody meant the tables of an image to say.

/// Mappings that the tables of an image should have: the asked side of their verification.
public struct ImageExpectation: Sendable {
  /// The mappings, which do not overlap, and what must hold besides; the rest does not count.
  public var space: AddressSpace
  /// For each mapping the first physical address, or nil where that is not said.
  public var placements: [UInt64?]
  /// What the rights of the mappings mean.
  public var basis: AskedBasis

  /// Takes the parts as they are; there is a placement for each mapping.
  public init(space: AddressSpace, placements: [UInt64?], basis: AskedBasis = .effective) {
    self.space = space
    self.placements = placements
    self.basis = basis
  }
}
