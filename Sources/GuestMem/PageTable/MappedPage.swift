// MappedPage: where a linear address leads and what the leaf says.

public import MMU

/// The answer of ``ConfiguredPageTable/translate(_:)``.
@frozen public struct MappedPage: Hashable, Sendable {
  /// The physical address of the byte.
  public let physicalAddress: GuestPhysicalAddress
  /// The leaf entry as it stands in memory.
  public let entry: UInt64
  /// The level of the leaf.
  public let level: Level

  @inlinable
  init(physicalAddress: GuestPhysicalAddress, entry: UInt64, level: Level) {
    self.physicalAddress = physicalAddress
    self.entry = entry
    self.level = level
  }

  /// The size of the page.
  @inlinable public var pageSize: PageSize { PageSize(level: level) ?? .size4KiB }

  /// What the leaf says about the page.
  @inlinable public var properties: PageProperties {
    PageProperties(leafEntry: entry, level: level)
  }
}

extension ConfiguredPageTable {
  /// Where `linearAddress` leads, or nil when no leaf maps it.
  ///
  /// A page without rights is answered too: its properties say so.
  /// Complexity: one load for each level.
  @inlinable @inline(__always)
  public func translate(_ linearAddress: LinearAddress) -> MappedPage? {
    tables.translate(linearAddress, from: root)
  }
}

extension TableMemory {
  /// Written out for the tables of processors, so that every shift is a constant.
  @inlinable @inline(__always)
  func translate(_ linearAddress: LinearAddress, from root: TableFrame) -> MappedPage? {
    let address = linearAddress.rawValue
    guard (address &+ half) & forbiddenLinearBits & ~4095 == 0 else { return nil }
    var table = root
    guard rootLevel == 4 else { return translate(address, from: root, level: rootLevel) }
    var entry: UInt64
    entry = memory.entry(table, Configuration.index(address, 4))
    guard isNearLink(entry) else { return translate(address, by: entry, level: 4) }
    table = TableFrame(validated: entry & ~4095)
    entry = memory.entry(table, Configuration.index(address, 3))
    guard isNearLink(entry) else { return translate(address, by: entry, level: 3) }
    table = TableFrame(validated: entry & ~4095)
    entry = memory.entry(table, Configuration.index(address, 2))
    guard isNearLink(entry) else { return translate(address, by: entry, level: 2) }
    table = TableFrame(validated: entry & ~4095)
    entry = memory.entry(table, Configuration.index(address, 1))
    guard entry & (EntryBits.present | EntryBits.rightless) != 0 else { return nil }
    return MappedPage(
      physicalAddress: GuestPhysicalAddress(
        truncating: entry & EntryBits.address | address & 4095),
      entry: entry, level: .pageTable)
  }

  /// True for an entry that links a table among the frames with metadata, up to a power of 2, and
  /// has all of `bits`, P among them; such a table can be read without another check.
  @inlinable @inline(__always)
  func isNearLink(_ entry: UInt64, with bits: UInt64 = EntryBits.present) -> Bool {
    entry & (farBits | bits) == bits
  }

  /// Goes on from an entry that is a leaf, leads far away or nowhere.
  @inlinable @inline(never)
  func translate(_ address: UInt64, by entry: UInt64, level: UInt64) -> MappedPage? {
    switch EntryClass(entry, level: level) {
    case .absent, .invalid: return nil
    case .table:
      guard let child = memory.table(linkedBy: entry) else { return nil }
      return translate(address, from: child, level: level &- 1)
    case .leaf:
      let shift = Configuration.shift(level)
      let physical =
        EntryBits.leafAddress(entry, shift: shift) | (address & (1 &<< shift &- 1))
      return MappedPage(
        physicalAddress: GuestPhysicalAddress(truncating: physical), entry: entry,
        level: levelNumbered(level))
    }
  }

  @inlinable
  func translate(_ address: UInt64, from table: TableFrame, level: UInt64) -> MappedPage? {
    translate(
      address, by: memory.entry(table, Configuration.index(address, level)), level: level)
  }
}
