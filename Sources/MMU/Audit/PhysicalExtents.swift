// PhysicalExtents: which linear addresses lead to a range of physical memory.

/// Runs by their physical addresses, to be asked which of them overlap a range.
struct PhysicalExtents {
  private let runs: [MappedRun]
  /// For each place in `runs`, the place up to there whose run ends last.
  private let widest: [Int]

  /// Complexity: O(n log n).
  init(_ unsorted: [MappedRun]) {
    let sorted = unsorted.sorted {
      ($0.physicalAddress, $0.linearAddress) < ($1.physicalAddress, $1.linearAddress)
    }
    var widest: [Int] = []
    widest.reserveCapacity(sorted.count)
    for index in sorted.indices {
      if let last = widest.last, sorted[last].physicalEnd >= sorted[index].physicalEnd {
        widest.append(last)
      } else {
        widest.append(index)
      }
    }
    runs = sorted
    self.widest = widest
  }

  /// A run that leads to some of the `byteCount` bytes from `start` on, or nil.
  ///
  /// Complexity: O(log n).
  func run(overlapping start: UInt64, byteCount: UInt64) -> MappedRun? {
    let end = start &+ byteCount
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].physicalAddress.rawValue < end { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let candidate = runs[widest[low - 1]]
    return candidate.physicalEnd > start ? candidate : nil
  }
}

extension MappedRun {
  /// The physical address behind the run.
  var physicalEnd: UInt64 { physicalAddress.rawValue &+ byteCount }

  /// The linear address of the run that leads to the physical `address`, or to the run's first.
  func linearAddress(of address: UInt64) -> UInt64 {
    linearAddress &+ (address > physicalAddress.rawValue ? address - physicalAddress.rawValue : 0)
  }
}
