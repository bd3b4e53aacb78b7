// InheritedRights: what the entries above a table leave of the rights below it.

/// The rights that the entries from the root down to a table allow, and who takes them away.
@frozen public struct InheritedRights: Hashable, Sendable {
  /// R/W and U/S of the entries by "and", bit 63 by "or", in the positions of an entry.
  public let combined: UInt64
  /// The entry nearest to the root whose R/W is clear.
  public let writeRestriction: EntryReference?
  /// The entry nearest to the root whose U/S is clear.
  public let userRestriction: EntryReference?
  /// The entry nearest to the root whose XD is set.
  public let fetchRestriction: EntryReference?

  /// What holds at the root: every right.
  @inlinable
  public init() {
    combined = PageTableEntry.Bit.readWrite | PageTableEntry.Bit.userSupervisor
    writeRestriction = nil
    userRestriction = nil
    fetchRestriction = nil
  }

  @inlinable
  init(
    combined: UInt64, writeRestriction: EntryReference?, userRestriction: EntryReference?,
    fetchRestriction: EntryReference?
  ) {
    self.combined = combined
    self.writeRestriction = writeRestriction
    self.userRestriction = userRestriction
    self.fetchRestriction = fetchRestriction
  }

  /// What holds below `entry`, which stands at `address`.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1.
  @inlinable
  public func below(_ entry: PageTableEntry, at address: GuestPhysicalAddress) -> InheritedRights {
    let place = EntryReference(address, level: entry.level)
    return InheritedRights(
      combined: Self.combine(combined, entry),
      writeRestriction: writeRestriction ?? (entry.isWritable ? nil : place),
      userRestriction: userRestriction ?? (entry.isUserAccessible ? nil : place),
      fetchRestriction: fetchRestriction ?? (entry.isNoExecute ? place : nil))
  }

  /// R/W and U/S by "and", XD by "or".
  @inlinable @inline(__always)
  static func combine(_ rights: UInt64, _ entry: PageTableEntry) -> UInt64 {
    typealias Bit = PageTableEntry.Bit
    return rights & entry.rawValue & (Bit.readWrite | Bit.userSupervisor)
      | (rights | entry.rawValue) & Bit.noExecute
  }
}

/// The address of an entry and its level, in one word.
@frozen public struct EntryReference: Hashable, Sendable {
  @usableFromInline let bits: UInt64

  /// The entry of a structure at `level` that stands at `address`, a multiple of 8.
  @inlinable
  public init(_ address: GuestPhysicalAddress, level: Level) {
    bits = address.rawValue & ~7 | UInt64(level.rawValue)
  }

  /// Where the entry stands.
  @inlinable public var address: GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: bits & ~7)
  }

  /// The structure that it lives in.
  @inlinable public var level: Level {
    Level(rawValue: UInt8(truncatingIfNeeded: bits & 7)) ?? .pageTable
  }
}
