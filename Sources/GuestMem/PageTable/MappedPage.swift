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
  @inlinable
  public func translate(_ linearAddress: LinearAddress) -> MappedPage? {
    tables.translate(linearAddress, from: root)
  }
}

extension TableMemory {
  @inlinable
  func translate(_ linearAddress: LinearAddress, from root: TableFrame) -> MappedPage? {
    let position = linearAddress.rawValue & (1 &<< addressWidth &- 1)
    guard address(position) == linearAddress.rawValue else { return nil }
    var table = root
    var level = rootLevel
    while true {
      let entry = memory.entry(table, Configuration.index(position, level))
      if level > 1, entry & (EntryBits.present | EntryBits.pageSize) == EntryBits.present {
        guard let child = memory.table(linkedBy: entry) else { return nil }
        table = child
        level &-= 1
        continue
      }
      guard case .leaf = EntryClass(entry, level: level) else { return nil }
      let shift = Configuration.shift(level)
      let physical = EntryBits.leafAddress(entry, shift: shift) | (position & (1 &<< shift &- 1))
      return MappedPage(
        physicalAddress: GuestPhysicalAddress(truncating: physical), entry: entry,
        level: levelNumbered(level))
    }
  }
}
