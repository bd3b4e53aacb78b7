// LockMachine: a node that several threads lock, with a counter and a list in guest memory.

import Glibc
import MMU
import Testing

@testable import GuestMem

/// A node that nothing links, and words of guest memory that its lock protects.
final class LockMachine<Configuration: PageTableConfiguration>: Sendable {
  // Properties end in this order: the node before the memory that it stands in.
  let node: NodeHandle<Configuration>
  let tables: TableMemory<Configuration>
  let memory: GuestMemory
  /// The frame of the counter, in the first word, and of the list behind it.
  let words: UInt64
  private let keeper: Keeper

  /// The allocator must outlive the node.
  private final class Keeper: @unchecked Sendable {
    let allocator: FrameAllocator
    init(_ allocator: consuming FrameAllocator) { self.allocator = allocator }
  }

  init(level: Level = .pageTable) throws {
    memory = try GuestMemory(byteCount: 4 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 4 << 20)
    tables = TableMemory(
      memory: memory.view, metadata: allocator.metadata,
      paging: try testPaging(levels: .pageMapLevel4), rootTableLevel: .pageMapLevel4)
    node = try NodeHandle(level: level, tables: tables, allocator: &allocator)
    words = try allocator.allocate(byteCount: 2 << 20, alignment: 4096).rawValue
    memory.view.storeWord(0, at: physical(words))
    keeper = Keeper(allocator)
  }

  var frame: UInt64 { node.table.frame }

  var state: NodeState { tables.metadata.nodeState(of: frame) }

  /// True when nobody holds the lock and nobody waits for it, and nothing else has changed.
  var isIdle: Bool {
    let state = state
    return state.lockProblem(Configuration.nodeLock) == nil && !state.isLocked
      && state.queueLength == 0 && state.presentCount == 0 && state.level == .pageTable
  }

  func word(_ index: UInt64) -> UInt64 {
    memory.view.loadWord(at: physical(words + index << 3)) ?? .max
  }

  func setWord(_ index: UInt64, _ value: UInt64) {
    memory.view.storeWord(value, at: physical(words + index << 3))
  }

  /// Appends to the list; by a load and a store, so that the lock must keep others out.
  func append(_ value: UInt64) {
    let count = word(0)
    setWord(count + 1, value)
    setWord(0, count + 1)
  }

  var list: [UInt64] { (0..<word(0)).map { word($0 + 1) } }

  /// Waits until the word of the node is as it should be; says whether it came to that.
  func wait(until isReached: (NodeState) -> Bool) -> Bool {
    let start = ContinuousClock.now
    while !isReached(state) {
      guard ContinuousClock.now - start < .seconds(600) else { return false }
      sched_yield()
    }
    return true
  }
}

/// What an attempt to lock ended in.
enum LockResult: Hashable {
  case locked
  case refused(EntryError)
}

extension LockMachine {
  /// Locks the node, calls `body`, and releases it.
  func withLock(patience: Duration, _ body: () -> Void) -> LockResult {
    do throws(EntryError) {
      let node = try node.lock(patience: patience)
      body()
      withExtendedLifetime(node) {}
      return .locked
    } catch {
      return .refused(error)
    }
  }
}
