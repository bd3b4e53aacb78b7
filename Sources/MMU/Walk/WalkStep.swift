// WalkStep: one entry that a walk read.

/// An entry that a walk read, and where it stands.
@frozen public struct WalkStep: Hashable, Sendable {
  /// The entry as it stood in memory.
  public let entry: PageTableEntry
  /// Where the entry stands, a multiple of 8.
  public let entryAddress: GuestPhysicalAddress

  /// Puts an entry and its address together.
  @inlinable
  public init(entry: PageTableEntry, entryAddress: GuestPhysicalAddress) {
    self.entry = entry
    self.entryAddress = entryAddress
  }

  /// The structure that the entry lives in.
  @inlinable public var level: Level { entry.level }

  /// The position of the entry in its table, 0 to 511.
  @inlinable public var index: Int {
    Int(truncatingIfNeeded: entryAddress.rawValue &>> 3 & 511)
  }
}
