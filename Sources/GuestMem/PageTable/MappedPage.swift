// MappedPage: where a linear address leads and what the leaf says.

public import MMU

/// The answer of ``ConfiguredPageTable/translate(_:)``.
@frozen public struct MappedPage<Configuration: PageTableConfiguration>: Hashable, Sendable {
  /// The physical address of the byte.
  public let physicalAddress: GuestPhysicalAddress
  /// The leaf entry as it stands in memory.
  public let entry: UInt64
  /// The level of the leaf.
  public let level: Level

  @inlinable
  package init(physicalAddress: GuestPhysicalAddress, entry: UInt64, level: Level) {
    self.physicalAddress = physicalAddress
    self.entry = entry
    self.level = level
  }

  /// The size of the page.
  @inlinable public var pageSize: PageSize { PageSize(level: level) ?? .size4KiB }

  /// What the leaf says about the page.
  @inlinable public var properties: PageProperties {
    PageProperties(leafEntry: entry, level: level, in: Configuration.entryFormat)
  }
}

extension ConfiguredPageTable {
  /// Where `linearAddress` leads, or nil when no leaf maps it.
  ///
  /// A page without rights is answered too: its properties say so.
  /// - Complexity: one load for each level.
  @inlinable @inline(__always)
  public func translate(_ linearAddress: LinearAddress) -> MappedPage<Configuration>? {
    tables.translate(linearAddress, from: root)
  }
}

extension TableMemory {
  /// Written out for the tables of processors, so that every shift is a constant.
  @inlinable @inline(__always)
  func translate(_ linearAddress: LinearAddress, from root: TableFrame) -> MappedPage<
    Configuration
  >? {
    let address = linearAddress.rawValue
    guard (address &+ half) & forbiddenLinearBits & ~4095 == 0 else { return nil }
    guard rootTableLevel == .pageMapLevel4,
      let table = nearPageTable(of: address, belowLevel4: root)
    else { return translateSlowly(address, from: root) }
    let entry = memory.entry(table, Configuration.index(address, 1))
    guard entry & Configuration.entryFormat.smallLeafMarks != 0 else { return nil }
    return MappedPage(
      physicalAddress: GuestPhysicalAddress(
        truncating: entry & EntryBits.address | address & 4095),
      entry: entry, level: .pageTable)
  }

  /// The same walk for all levels and entries.
  @inlinable @inline(never)
  func translateSlowly(_ address: UInt64, from root: TableFrame) -> MappedPage<Configuration>? {
    translate(address, from: root, level: rootLevel)
  }

  /// Goes on from an entry at `level`.
  @inlinable
  func translate(_ address: UInt64, by entry: UInt64, level: UInt64) -> MappedPage<Configuration>? {
    switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
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
  func translate(_ address: UInt64, from table: TableFrame, level: UInt64) -> MappedPage<
    Configuration
  >? {
    translate(
      address, by: memory.entry(table, Configuration.index(address, level)), level: level)
  }
}
