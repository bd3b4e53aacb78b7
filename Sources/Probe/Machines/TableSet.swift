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
  /// Where entries point at tables that no memory holds.
  private(set) var absentTables: [UInt64] = []
  /// For each frame, its position in `frames`.
  private var positions: [UInt64: Int] = [:]

  /// Finds the tables below `root`, without what its entry `excludedRootIndex` leads to.
  ///
  /// - Complexity: one visit of 512 entries per table and level.
  init<Memory: PhysicalMemory & ~Copyable>(
    root: UInt64, configuration: PagingConfiguration, excludedRootIndex: Int? = nil,
    in memory: borrowing Memory
  ) {
    self.init(root: root, configuration: configuration, excludedRootIndex: excludedRootIndex) {
      memory.loadWord(at: GuestPhysicalAddress(truncating: $0))
    }
  }

  /// Finds the tables below `root` in the memory whose words `word` knows.
  ///
  /// Stops soon after there are more than `limit`.
  init(
    root: UInt64, configuration: PagingConfiguration, excludedRootIndex: Int? = nil,
    limit: Int = .max, word: (_ address: UInt64) -> UInt64?
  ) {
    // A frame address leaves its low bits free for the level.
    var visited: Set<UInt64> = [root | UInt64(configuration.rootLevel.rawValue)]
    var pending: [(address: UInt64, level: Level)] = [(root, configuration.rootLevel)]
    while frames.count <= limit, let (address, level) = pending.popLast() {
      guard word(address) != nil else {
        absentTables.append(address)
        continue
      }
      if positions[address] == nil {
        positions[address] = frames.count
        frames.append(address)
      }
      guard let lower = level.lower else { continue }
      for index in 0..<512 where address != root || index != excludedRootIndex {
        let entry = PageTableEntry(word(address + UInt64(index) * 8) ?? 0, at: level)
        guard entry.isPresent, !entry.isLeaf, entry.reservedBits(in: configuration) == 0 else {
          continue
        }
        let table = entry.tableAddress.rawValue
        if visited.insert(table | UInt64(lower.rawValue)).inserted {
          pending.append((table, lower))
        }
      }
    }
  }

  /// The position of the table in `frames`, or nil when the frame is no table.
  func position(of frame: UInt64) -> Int? { positions[frame] }

  /// True when a walk can read the frame as a table.
  func contains(_ frame: UInt64) -> Bool { positions[frame] != nil }
}
