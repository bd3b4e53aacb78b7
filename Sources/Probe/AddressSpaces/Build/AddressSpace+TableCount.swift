// How many tables an address space can need.

import GuestMem
import MMU

extension AddressSpace {
  /// An upper bound of the number of tables, the root included.
  ///
  /// Mappings that share a table count it each. `placements` says where the mappings lead.
  ///
  /// - Complexity: O(*n*) in the number of mappings.
  func largestTableCount(at placements: [UInt64]) -> UInt64 {
    var count: UInt64 = 1
    for (mapping, placement) in zip(mappings, placements)
    where !mapping.properties.rights.isEmpty && mapping.byteCount > 0 {
      let first = mapping.linearAddress.rawValue
      let last = first &+ (mapping.byteCount &- 1)
      // A machine may lack pages of 1 GiB.
      let largest = mapping.largestLeaf(at: placement).level
      let leaf = mapping.pageSize == .largest ? min(largest, .pageDirectory) : largest
      for level in Level.allCases where level < rootLevel {
        // Each entry of the level above that a part of the range lies under has one table.
        let shift = level.indexShift + 9
        let tables = last >> shift - first >> shift + 1
        // Tables for small pages exist at the ends of a range alone, where large ones fill the rest.
        count += level < leaf ? min(tables, 2) : tables
      }
    }
    return count
  }
}
