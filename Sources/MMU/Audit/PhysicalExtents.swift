// PhysicalExtents: which runs lead to a range of physical memory.

/// A range of physical memory and the linear address that leads to its start.
struct PhysicalExtent {
  let start: UInt64
  /// The physical address behind the last byte.
  let end: UInt64
  let linearStart: UInt64

  init(_ run: MappedRun) {
    start = run.physicalAddress.rawValue
    end = start &+ run.byteCount
    linearStart = run.linearAddress
  }

  /// The linear address that leads to the physical `address`, which is in the extent.
  func linearAddress(of address: UInt64) -> UInt64 { linearStart &+ (address &- start) }
}

/// Runs by their physical addresses, to be asked which of them overlap a range.
struct PhysicalExtents {
  private var extents: [PhysicalExtent] = []
  /// A tree over the places of `extents`: how far those below each node reach.
  private var reach: [UInt64] = []
  private var leafCount = 1

  /// The extents of those of `runs` for which `isWanted` holds.
  ///
  /// - Complexity: O(n log n).
  init(_ runs: [AuditedRun], where isWanted: (MappedRun) -> Bool) {
    for audited in runs where isWanted(audited.run) { extents.append(PhysicalExtent(audited.run)) }
    extents.sort { ($0.start, $0.linearStart) < ($1.start, $1.linearStart) }
    while leafCount < extents.count { leafCount *= 2 }
    reach = Array(repeating: 0, count: 2 * leafCount)
    for (place, extent) in extents.enumerated() { reach[leafCount + place] = extent.end }
    for node in (1..<leafCount).reversed() {
      reach[node] = max(reach[2 * node], reach[2 * node + 1])
    }
  }

  /// Shows the extents that have some of the `byteCount` bytes from `start` on, by their starts,
  /// until `visit` says that it wants no more.
  ///
  /// - Complexity: O(log n) for each of them.
  func overlaps(
    _ start: UInt64, byteCount: UInt64, _ visit: (PhysicalExtent) -> Bool
  ) {
    _ = descend(1, 0, leafCount, start, start &+ byteCount, visit)
  }

  /// False when no more is wanted.
  private func descend(
    _ node: Int, _ first: Int, _ count: Int, _ start: UInt64, _ end: UInt64,
    _ visit: (PhysicalExtent) -> Bool
  ) -> Bool {
    guard first < extents.count, reach[node] > start, extents[first].start < end else {
      return true
    }
    if count == 1 { return visit(extents[first]) }
    let half = count / 2
    return descend(2 * node, first, half, start, end, visit)
      && descend(2 * node + 1, first + half, half, start, end, visit)
  }
}
