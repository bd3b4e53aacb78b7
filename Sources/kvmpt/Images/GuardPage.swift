// GuardPage: pages that are left out below others, and whose memory is mapped elsewhere.

import Inspection
import MMU

/// Pages below mapped ones that are not mapped, as below a stack, and the way to the memory that would
/// follow.
struct GuardPage {
  /// The first linear address that is not mapped.
  let linear: UInt64
  /// The first address of the pages above.
  let pageAbove: UInt64
  /// The physical address that the page below ``pageAbove`` would have.
  let physical: UInt64
  /// The run that maps it, and the memory of the pages above as well.
  let other: MappedRun

  /// The linear address at which the memory is mapped.
  var otherLinear: UInt64 { other.linearAddress &+ (physical - other.physicalAddress.rawValue) }

  /// More pages than these are no guard.
  private static let pageLimit: UInt64 = 16

  /// The guards among `runs`: up to 16 pages of a page table that are not mapped below some that are,
  /// where another run maps the memory of both.
  ///
  /// - Complexity: O(n log n).
  static func list(_ runs: [MappedRun]) -> [GuardPage] {
    let byPhysical = runs.sorted {
      ($0.physicalAddress, $0.linearAddress) < ($1.physicalAddress, $1.linearAddress)
    }
    var reaching: [MappedRun] = []
    for run in byPhysical {
      if let last = reaching.last, last.end >= run.end {
        reaching.append(last)
      } else {
        reaching.append(run)
      }
    }
    var guards: [GuardPage] = []
    var before: MappedRun?
    for run in runs.sorted(by: { $0.linearAddress < $1.linearAddress }) {
      defer { before = run }
      let start = run.physicalAddress.rawValue
      let free = min(
        run.linearAddress >> 12 & 511,
        before.map { (run.linearAddress &- 1 &- $0.lastAddress) >> 12 } ?? .max)
      guard run.pageSize == .size4KiB, 1...pageLimit ~= free, start >= 4096,
        let other = reach(start - 4096, byPhysical, reaching), other.end > start
      else { continue }
      guards.append(
        GuardPage(
          linear: run.linearAddress - free << 12, pageAbove: run.linearAddress,
          physical: start - 4096, other: other))
    }
    return guards
  }

  /// Of the runs that begin at `address` or below, the one that reaches furthest.
  private static func reach(
    _ address: UInt64, _ byPhysical: [MappedRun], _ reaching: [MappedRun]
  ) -> MappedRun? {
    var (low, high) = (0, byPhysical.count)
    while low < high {
      let middle = (low + high) / 2
      if byPhysical[middle].physicalAddress.rawValue <= address {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low > 0 ? reaching[low - 1] : nil
  }
}

extension MappedRun {
  /// The physical address behind the last byte.
  fileprivate var end: UInt64 { physicalAddress.rawValue &+ byteCount }
}
