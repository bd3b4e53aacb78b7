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

/// The unlinked tables of an address space, in several lists, by the thread that unlinked them.
///
/// Each list stands in lines of its own, so that threads that unlink tables write no line in common.
@safe @usableFromInline final class Limbo: Sendable {
  private typealias List = Mutex<[RetiredTables]>

  /// The number of lists.
  @usableFromInline let listCount: Int
  /// In the line of each list, how many changes are in it.
  @usableFromInline let counts: WordLines
  /// Where the first list stands.
  private let first: SharedWord

  /// The lines of a list.
  private static var stride: Int { 2 * WordLines.byteCount }

  /// Makes `listCount` lists, one at least.
  @usableFromInline
  init(listCount: Int) {
    self.listCount = max(1, listCount)
    counts = WordLines(count: self.listCount)
    // SAFETY: the memory stays until this object goes.
    first = unsafe SharedWord(
      UnsafeMutableRawPointer.allocate(
        byteCount: self.listCount * Self.stride, alignment: Self.stride))
    for index in 0..<self.listCount { unsafe list(index).initialize(to: Mutex([])) }
  }

  deinit {
    for index in 0..<listCount { unsafe list(index).deinitialize(count: 1) }
    unsafe first.pointer.deallocate()
  }

  private func list(_ index: Int) -> UnsafeMutablePointer<List> {
    // SAFETY: there are `listCount` lists, each `stride` bytes behind the one before it.
    unsafe (first.pointer + index % listCount * Self.stride).assumingMemoryBound(to: List.self)
  }

  /// Adds tables to a list.
  @usableFromInline
  func add(_ tables: RetiredTables, to index: Int) {
    // SAFETY: the list was initialized and stays as long as this object.
    unsafe list(index).pointee.withLock { $0.append(tables) }
  }

  /// Puts back what is not over yet.
  @usableFromInline
  func add(_ tables: [RetiredTables], to index: Int) {
    // SAFETY: as above.
    unsafe list(index).pointee.withLock { $0.append(contentsOf: tables) }
  }

  /// Takes all of a list.
  @usableFromInline
  func takeAll(of index: Int) -> [RetiredTables] {
    // SAFETY: as above.
    unsafe list(index).pointee.withLock { retired in
      let all = retired
      retired = []
      return all
    }
  }

  /// The number of frames.
  @usableFromInline var frameCount: Int {
    (0..<listCount).reduce(0) { sum, index in
      // SAFETY: as above.
      unsafe list(index).pointee.withLock { $0.reduce(sum) { $0 + $1.frames.count } }
    }
  }
}
