// World, locks: the order of the locks that an operation took.

import MMU

@testable import GuestMem

/// What was seen of locks by a world whose configuration records them.
struct WorldLocks<Configuration: PageTableConfiguration> {
  var order = LockOrder<Configuration>()
  /// Events of nodes that were at no place, or at two, while the operation ran.
  var unplacedCount = 0
}

extension World {
  /// Judges the locks of the operation that lies between two images; answers what was wrong.
  ///
  /// No image shows a node that came and went, and a frame that moved may be at either place:
  /// such a node has no place.
  mutating func judgeLocks(before: MemoryImage, after: MemoryImage) -> String? {
    guard locks != nil else { return nil }
    var places: [UInt64: Set<ImageTable>] = [:]
    for table in before.tables + after.tables { places[table.frame, default: []].insert(table) }
    var depth = 0
    for note in LockRecorder.shared.take() {
      let found = places[note.frame] ?? []
      var linear: LinearAddress?
      if let only = found.first, found.count == 1 {
        guard only.level == UInt64(note.level.rawValue) else {
          return "the hook said \(note.level) of a node of level \(only.level)"
        }
        linear = LinearAddress(
          truncating: table.tables.address(only.position), width: .bits57)
      } else {
        locks?.unplacedCount += 1
      }
      depth += note.action == .taken ? 1 : -1
      locks?.order.add(
        LockEvent(
          note.action, by: note.thread,
          LockedNode(
            rootFrame: table.root.frame, frame: note.frame, level: note.level,
            linearAddress: linear)))
    }
    if let violation = locks?.order.violations.first { return violation.description }
    return depth == 0 ? nil : "\(depth) locks were not released"
  }
}
