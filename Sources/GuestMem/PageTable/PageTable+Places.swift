// PageTable, places: where each table of a page table stands.

public import MMU

/// A table, what it is for and where it stands.
@frozen public struct PlacedTable: Hashable, Sendable {
  /// The level of its entries.
  public let level: Level
  /// The first linear address that goes through it.
  public let linearAddress: UInt64
  /// Where its 512 words stand.
  public let physicalAddress: GuestPhysicalAddress
}

extension ConfiguredPageTable {
  /// The tables that are this table's own, each before those below it, in the order of addresses.
  ///
  /// - Complexity: reads every entry of every table above level 1.
  public var places: [PlacedTable] {
    var visited = VisitedTables()
    var places: [PlacedTable] = []
    tables.addPlaces(
      root, level: tables.rootLevel, position: 0, visited: &visited, to: &places)
    return places
  }
}

extension TableMemory {
  func addPlaces(
    _ table: TableFrame, level: UInt64, position: UInt64, visited: inout VisitedTables,
    to places: inout [PlacedTable]
  ) {
    guard visited.isFirstVisit(table, level: level) else { return }
    places.append(
      PlacedTable(
        level: levelNumbered(level), linearAddress: address(position),
        physicalAddress: GuestPhysicalAddress(truncating: table.address)))
    guard level > 1 else { return }
    for index in ownedIndices(level) {
      guard let child = node(linkedBy: memory.entry(table, index), level: level) else { continue }
      addPlaces(
        child, level: level &- 1,
        position: position | UInt64(index) &<< Configuration.shift(level), visited: &visited,
        to: &places)
    }
  }
}
