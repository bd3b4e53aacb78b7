// TableSet: every frame that a walk from a root can read as a table.

import GuestMem
import MMU

/// The tables that are reachable from a root, whatever shape they form.
///
/// Tables may be shared, lead back to themselves or be garbage: each frame is visited once per
/// level.
struct TableSet: Sendable {
  /// The frames' physical addresses, in the order of discovery, the root first.
  private(set) var frames: [UInt64] = []
  /// For each frame, its position in `frames`.
  private var positions: [UInt64: Int] = [:]

  /// Finds the tables below `root`, without what its entry `excludedRootIndex` leads to.
  ///
  /// Complexity: one visit of 512 entries per table and level.
  init(
    root: UInt64, configuration: PagingConfiguration, excludedRootIndex: Int,
    in memory: ProbeMemory
  ) {
    var visited: Set<UInt64> = []
    var pending: [(address: UInt64, level: Level)] = [(root, configuration.rootLevel)]
    while let (address, level) = pending.popLast() {
      // A frame address leaves its low bits free for the level.
      guard visited.insert(address | UInt64(level.rawValue)).inserted else { continue }
      guard memory.loadWord(at: GuestPhysicalAddress(truncating: address)) != nil else { continue }
      if positions[address] == nil {
        positions[address] = frames.count
        frames.append(address)
      }
      guard let lower = level.lower else { continue }
      for index in 0..<512 where address != root || index != excludedRootIndex {
        let word = memory.loadWord(
          at: GuestPhysicalAddress(truncating: address + UInt64(index) * 8))
        let entry = PageTableEntry(word ?? 0, at: level)
        guard entry.isPresent, !entry.isLeaf, entry.reservedBits(in: configuration) == 0 else {
          continue
        }
        pending.append((entry.tableAddress.rawValue, lower))
      }
    }
  }

  /// The position of the table in `frames`, or nil when the frame is no table.
  func position(of frame: UInt64) -> Int? { positions[frame] }

  /// True when a walk can read the frame as a table.
  func contains(_ frame: UInt64) -> Bool { positions[frame] != nil }
}
