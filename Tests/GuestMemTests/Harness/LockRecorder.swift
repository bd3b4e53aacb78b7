// LockRecorder: what the hooks of recorded configurations see, thread by thread.

import GuestMem
import MMU
import Synchronization

/// Collects the locks that threads take and release.
final class LockRecorder: Sendable {
  /// One call of a hook.
  struct Note: Hashable, Sendable {
    var action: LockEvent.Action
    var thread: ThreadIdentifier
    var frame: UInt64
    var level: Level
  }

  static let shared = LockRecorder()
  private let notes = Mutex<[ThreadIdentifier: [Note]]>([:])

  func note(_ action: LockEvent.Action, _ frame: UInt64, _ level: Level) {
    let thread = ThreadIdentifier.current
    notes.withLock {
      $0[thread, default: []].append(
        Note(action: action, thread: thread, frame: frame, level: level))
    }
  }

  /// What a thread did since the last time.
  func take(of thread: ThreadIdentifier = .current) -> [Note] {
    notes.withLock { $0.removeValue(forKey: thread) ?? [] }
  }
}

/// A configuration whose locks are recorded.
protocol RecordsLocks {}

/// Another configuration, with every lock recorded.
enum Recorded<Base: PageTableConfiguration>: PageTableConfiguration, RecordsLocks {
  static var indexBitCount: UInt64 { Base.indexBitCount }
  static var ownedSpace: OwnedSpace { Base.ownedSpace }
  static var topLevelRemoval: TopLevelRemoval { Base.topLevelRemoval }
  static var highestLeafLevel: Level { Base.highestLeafLevel }
  static var leafOwnership: LeafOwnership { Base.leafOwnership }
  static var entryFormat: EntryFormat { Base.entryFormat }
  static var nodeLock: NodeLock { Base.nodeLock }
  static func didLock(frame: UInt64, level: Level) {
    LockRecorder.shared.note(.taken, frame, level)
  }
  static func willUnlock(frame: UInt64, level: Level) {
    LockRecorder.shared.note(.released, frame, level)
  }
}
