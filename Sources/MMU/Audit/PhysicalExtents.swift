// PhysicalExtents: which linear addresses lead to a range of physical memory.

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

  /// The linear address that leads to the physical `address`, or to the start where that is higher.
  func linearAddress(of address: UInt64) -> UInt64 {
    linearStart &+ (address > start ? address - start : 0)
  }
}

/// Runs by their physical addresses, to be asked which of them overlap a range.
struct PhysicalExtents {
  private var extents: [PhysicalExtent] = []
  /// For each place in `extents`, the place up to there whose extent ends last.
  private var widest: [Int32] = []

  /// The extents of those of `runs` for which `isWanted` holds.
  ///
  /// Complexity: O(n log n).
  init(_ runs: [MappedRun], where isWanted: (MappedRun) -> Bool) {
    for run in runs where isWanted(run) { extents.append(PhysicalExtent(run)) }
    // A run takes an entry at least, so 2^31 of them are more than any memory holds.
    extents.sort { ($0.start, $0.linearStart) < ($1.start, $1.linearStart) }
    widest.reserveCapacity(extents.count)
    for index in extents.indices {
      if let last = widest.last, extents[Int(last)].end >= extents[index].end {
        widest.append(last)
      } else {
        widest.append(Int32(truncatingIfNeeded: index))
      }
    }
  }

  /// An extent that has some of the `byteCount` bytes from `start` on, or nil.
  ///
  /// Complexity: O(log n).
  func extent(overlapping start: UInt64, byteCount: UInt64) -> PhysicalExtent? {
    let end = start &+ byteCount
    var low = 0
    var high = extents.count
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].start < end { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let candidate = extents[Int(widest[low - 1])]
    return candidate.end > start ? candidate : nil
  }
}
