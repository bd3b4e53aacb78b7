// Limbo: tables that nothing links any more, until nobody can reach them.

public import GuestMem
internal import Synchronization

/// Tables that were unlinked together.
@usableFromInline struct RetiredTables: Sendable {
  /// The epoch that was read after they were unlinked.
  @usableFromInline let epoch: UInt64
  /// What processors must have done before the frames are used again.
  @usableFromInline let ticket: FlushTicket
  @usableFromInline let frames: [TableFrame]

  @usableFromInline
  init(epoch: UInt64, ticket: FlushTicket, frames: [TableFrame]) {
    self.epoch = epoch
    self.ticket = ticket
    self.frames = frames
  }
}

/// The unlinked tables of an address space.
@usableFromInline final class Limbo: Sendable {
  private let retired = Mutex<[RetiredTables]>([])

  @usableFromInline init() {}

  /// Adds tables.
  @usableFromInline
  func add(_ tables: RetiredTables) { retired.withLock { $0.append(tables) } }

  /// Puts back what is not over yet.
  @usableFromInline
  func add(_ tables: [RetiredTables]) { retired.withLock { $0.append(contentsOf: tables) } }

  /// Takes all.
  @usableFromInline
  func takeAll() -> [RetiredTables] {
    retired.withLock { retired in
      let all = retired
      retired = []
      return all
    }
  }

  /// The number of frames.
  @usableFromInline var frameCount: Int {
    retired.withLock { $0.reduce(0) { $0 + $1.frames.count } }
  }
}
